import * as z from 'zod';

const name = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'lower case letters, digits and dashes');
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,79}$/, 'the name of an environment variable');
const dollarsAMillion = z.number().min(0).max(10_000);

export const HOST_KINDS = ['claude-code', 'codex'] as const;

/** What a thousand or a million tokens cost is the provider's; what nobody wrote down is unknown, never zero. */
const price = z.strictObject({
  input: dollarsAMillion.describe('Dollars for a million tokens read.'),
  output: dollarsAMillion.describe('Dollars for a million tokens written.'),
  cached: dollarsAMillion
    .optional()
    .describe('Dollars for a million tokens read from a cache; else as input.'),
});

export const hostSchema = z.strictObject({
  kind: z.enum(HOST_KINDS).describe('Which program it is.'),
  command: z.string().min(1).max(400).optional().describe('Its name on the PATH, or an absolute path.'),
  endpoint: z.url().max(400).optional().describe("Instead of the provider's own: any endpoint of its form."),
  key_env: variable.optional().describe('The variable of the runner that holds the key of the endpoint.'),
  passes: z.array(variable).max(20).default([]).describe('Further variables of the runner that it may see.'),
  prices: z.record(z.string().max(80), price).default({}).describe('By model.'),
});

export type HostDefinition = z.output<typeof hostSchema>;
export type Price = z.output<typeof price>;

/** Which host and model a role falls back on. */
export const choiceSchema = z.strictObject({ host: name.optional(), model: z.string().max(80).optional() });

const RUN = { turns: 200, silence: 120, minutes: 120, tokens: 20_000_000 };
const DAY = { runs: 500, tokens: 500_000_000 };

/** Bounds of one run, and of all runs that began within 24 hours. */
export const runLimits = z
  .strictObject({
    turns: z.int().min(1).max(10_000).default(RUN.turns).describe('Answers of the model.'),
    silence: z.number().min(1).max(3600).default(RUN.silence).describe('Seconds without an event.'),
    minutes: z.number().min(0.01).max(1440).default(RUN.minutes),
    tokens: z.int().min(1).max(1_000_000_000).default(RUN.tokens).describe('Read, cached and written.'),
    dollars: z.number().positive().max(100_000).optional().describe('A model without a price is not run.'),
  })
  .default(RUN);

export const dayLimits = z
  .strictObject({
    runs: z.int().min(1).max(100_000).default(DAY.runs),
    tokens: z.int().min(1).max(100_000_000_000).default(DAY.tokens),
    dollars: z.number().positive().max(1_000_000).optional().describe('A model without a price is not run.'),
  })
  .default(DAY);

/** Of a role: the first choice, then its fallbacks in their order. */
export interface Choice {
  readonly name: string;
  readonly host: HostDefinition;
  readonly model: string | undefined;
}

interface ChoosesHosts {
  readonly host?: string | undefined;
  readonly model?: string | undefined;
  readonly fallback: readonly z.output<typeof choiceSchema>[];
}

/** The hosts and models that a role may run on, best first. Throws for a host that nobody described. */
export function choicesOf(hosts: Readonly<Record<string, HostDefinition>>, role: ChoosesHosts): Choice[] {
  const first = { host: role.host, model: role.model };
  return [first, ...role.fallback].map(({ host = role.host ?? 'claude-code', model }) => {
    const found = hostOf(hosts, host);
    if (!found) throw new Error(`There is no host "${host}".`);
    return { name: host, host: found, model };
  });
}

/** A host by name: as the factory file describes it, else the program of that name as it is. */
export function hostOf(
  hosts: Readonly<Record<string, HostDefinition>>,
  host: string,
): HostDefinition | undefined {
  const kind = HOST_KINDS.find((one) => one === host);
  return hosts[host] ?? (kind && { kind, passes: [], prices: {} });
}
