import * as z from 'zod';
import { ToolError } from '../core/errors.ts';
import type { Row } from '../core/store/schema.ts';
import type { WorkerConfig } from '../core/target/target.ts';

const applied = z.object({
  resources: z.array(z.object({ kind: z.enum(['d1', 'kv', 'r2', 'queue', 'worker']), name: z.string() })),
});

/** What an applied plan gave a product. */
export interface Infrastructure {
  workers: string[];
  databases: string[];
}

/** Reads the resources out of an applied plan. */
export function infrastructureOf({ result }: Pick<Row<'plans'>, 'result'>): Infrastructure {
  const { resources } = applied.parse(JSON.parse(result ?? '{}'));
  const named = (kind: string) => resources.filter((one) => one.kind === kind).map(({ name }) => name);
  return { workers: named('worker'), databases: named('d1') };
}

/**
 * The configuration that a release is deployed with: what the project asks for, as far as it was approved. Throws
 * GATE_CLOSED with rule `release.binding` for a Worker or a database that no approved plan made.
 */
export function boundConfig(config: WorkerConfig, { workers, databases }: Infrastructure): WorkerConfig {
  if (!workers.includes(config.name)) throw unapproved(`the Worker ${config.name}`);
  const foreign = config.d1.find(({ database }) => !databases.includes(database));
  if (foreign) throw unapproved(`the database ${foreign.database}`);
  return config;
}

const unapproved = (what: string) =>
  new ToolError(
    'GATE_CLOSED',
    `The commit asks for ${what}, which the applied infrastructure plan does not have.`,
    'Have a plan with it proposed (infra_propose), approved and applied, or have the change corrected.',
    { rule: 'release.binding' },
  );
