import * as z from 'zod';
import { ToolError } from '../core/errors.ts';
import type { Row } from '../core/store/schema.ts';
import { KINDS, resourcesOf } from '../core/target/needs.ts';
import type { WorkerConfig } from '../core/target/target.ts';

const applied = z.object({ resources: z.array(z.object({ kind: z.string(), name: z.string() })) });
const approved = z.object({
  workers: z
    .array(z.object({ name: z.string(), crons: z.array(z.string()), secrets: z.array(z.string()) }))
    .default([]),
});

/** What an applied plan gave a product: its resources, and what each Worker may ask for besides. */
export type Infrastructure = z.output<typeof applied> & z.output<typeof approved>;

/** Reads out of an applied plan what it made and what was approved with it. */
export const infrastructureOf = ({
  result,
  body,
}: Pick<Row<'plans'>, 'result' | 'body'>): Infrastructure => ({
  ...applied.parse(JSON.parse(result ?? '{}')),
  ...approved.parse(JSON.parse(body)),
});

/**
 * The configuration that a release is deployed with: what the project asks for, as far as it was approved. Throws
 * GATE_CLOSED with rule `release.binding` for anything that no approved plan made or names, the Worker's name first of
 * all: resources, cron triggers, secrets.
 */
export function boundConfig(config: WorkerConfig, { resources, workers }: Infrastructure): WorkerConfig {
  const own = workers.find(({ name }) => name === config.name);
  const foreign = resourcesOf(config).find(
    ({ kind, name }) => !resources.some((one) => one.kind === kind && one.name === name),
  );
  const cron = config.crons.find((one) => !own?.crons.includes(one));
  const secret = config.secrets.find((one) => !own?.secrets.includes(one));
  if (foreign) throw unplanned(`${KINDS[foreign.kind]} ${foreign.name}`);
  if (cron !== undefined) throw unplanned(`cron trigger ${cron}`);
  if (secret !== undefined) throw unplanned(`secret ${secret}`);
  return config;
}

const unplanned = (what: string) =>
  new ToolError(
    'GATE_CLOSED',
    `The commit asks for the ${what}, which the applied infrastructure plan does not have.`,
    'Have a plan with it proposed (infra_propose), approved and applied, or have the change corrected.',
    { rule: 'release.binding' },
  );
