import * as z from 'zod';
import { ToolError } from '../core/errors.ts';
import type { Row } from '../core/store/schema.ts';
import { KINDS, resourcesOf } from '../core/target/needs.ts';
import type { WorkerConfig } from '../core/target/target.ts';

const applied = z.object({ resources: z.array(z.object({ kind: z.string(), name: z.string() })) });

/** What an applied plan gave a product. */
export type Infrastructure = z.output<typeof applied>['resources'];

/** Reads the resources out of an applied plan. */
export const infrastructureOf = ({ result }: Pick<Row<'plans'>, 'result'>): Infrastructure =>
  applied.parse(JSON.parse(result ?? '{}')).resources;

/**
 * The configuration that a release is deployed with: what the project asks for, as far as it was approved. Throws
 * GATE_CLOSED with rule `release.binding` for anything that no approved plan made, the Worker's name first of all.
 */
export function boundConfig(config: WorkerConfig, approved: Infrastructure): WorkerConfig {
  const foreign = resourcesOf(config).find(
    ({ kind, name }) => !approved.some((one) => one.kind === kind && one.name === name),
  );
  if (!foreign) return config;
  throw new ToolError(
    'GATE_CLOSED',
    `The commit asks for the ${KINDS[foreign.kind]} ${foreign.name}, which the applied infrastructure plan does not have.`,
    'Have a plan with it proposed (infra_propose), approved and applied, or have the change corrected.',
    { rule: 'release.binding' },
  );
}
