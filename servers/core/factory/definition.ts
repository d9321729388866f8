import * as z from 'zod';
import { CAPABILITY_NAMES } from '../permissions.ts';
import { choiceSchema, dayLimits, hostSchema, runLimits } from './runs.ts';

const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, 'lower case letters, digits and dashes, for example "qa"');

/** Where a Worker answers; {worker} and {version} are filled in. */
const ADDRESS = /^https?:\/\/[A-Za-z0-9.{}:/_-]{1,200}$/;
const WHERE = 'an address, for example "https://{version}-{worker}.example.com"';

const role = z.strictObject({
  title: z.string().min(1).max(80),
  agents: z.array(name).min(1).max(20).describe('The standing members in this role.'),
  may: z.array(z.enum(CAPABILITY_NAMES)).describe('The capabilities granted; nothing else is allowed.'),
  writes: z
    .array(z.string().min(1).max(200))
    .default([])
    .describe('Globs of the paths a change by this role may touch.'),
  spawns: z.array(name).default([]).describe('Roles this role may have run.'),
  recalls: z
    .array(name)
    .default([])
    .describe("Roles whose memory this role may read besides its own agent's; private entries never."),
  host: name
    .optional()
    .describe('What the runner starts: claude-code (unless given), codex, or one of `hosts`.'),
  model: z.string().max(80).optional(),
  fallback: z
    .array(choiceSchema)
    .max(5)
    .default([])
    .describe('Tried in this order when a host or its provider is down.'),
});

const gate = z.strictObject({
  command: z.array(z.string().min(1).max(500)).min(1).max(40).optional(),
  seconds: z.int().min(1).max(1800).default(300),
});

const REVIEW = { rounds: 1, models: 'any' as const };
const MEMORY = { required: true, lines: 120, tokens: 3000, per_day: 200 };

export const factorySchema = z.strictObject({
  factory: name,
  title: z.string().min(1).max(120),
  lead: name.describe('The role that talks with the human.'),
  roles: z.record(name, role),
  stands_in: z
    .record(name, name)
    .default({})
    .describe('Which role does the work of one that pipelines name and this factory lacks.'),
  pipelines: z.array(name).min(1),
  lease: z.strictObject({
    beat: z
      .number()
      .min(0.2)
      .max(600)
      .default(60)
      .describe('Seconds between beats; three missed beats end a lease.'),
    progress: z
      .int()
      .min(10)
      .max(86_400)
      .default(3600)
      .describe('Seconds without a call after which a session no longer counts as working.'),
    lapses: z
      .int()
      .min(1)
      .max(20)
      .default(3)
      .describe('Lost leases after which a task is blocked and a human is told.'),
  }),
  gates: z.strictObject({
    smoke: gate,
    consistency: gate,
    docs: z.strictObject({ code: z.array(z.string()).min(1), docs: z.array(z.string()).min(1) }),
    rollback: z.strictObject({}).default({}),
    scan: z.strictObject({}).default({}),
    probe: z
      .strictObject({ serves: z.enum(['requests', 'nothing']) })
      .optional()
      .describe(
        '`nothing`: a library. The probe is not applicable to a commit in which nothing listens, starts or is a page.',
      ),
    pages: z
      .strictObject({ path: z.string().regex(/^\//).max(500).default('/') })
      .optional()
      .describe('The product has pages: a verdict needs them looked at in a browser, from this path on.'),
  }),
  merge: z.strictObject({
    needs: z.array(z.enum(['smoke', 'consistency', 'docs', 'rollback', 'scan', 'review', 'qa'])).min(1),
  }),
  review: z
    .strictObject({
      rounds: z
        .int()
        .min(1)
        .max(5)
        .default(REVIEW.rounds)
        .describe('How many reviews in a row must accept a diff.'),
      models: z
        .enum(['any', 'different'])
        .default(REVIEW.models)
        .describe('`different`: each of these reviews is the run of another model.'),
    })
    .default(REVIEW),
  isolation: z
    .enum(['full', 'partial', 'none'])
    .default('full')
    .describe('The least isolation that evidence may have.'),
  targets: z
    .strictObject({
      cloudflare: z
        .strictObject({
          account: z.string().regex(/^[0-9a-f]{32}$/, 'the account id: 32 hex digits'),
          api: z
            .url({ protocol: /^https?$/ })
            .optional()
            .describe("Another address of Cloudflare's API. The token is sent there."),
          addresses: z
            .strictObject({
              worker: z.string().regex(ADDRESS, WHERE).describe('With {worker}, its name.'),
              version: z.string().regex(ADDRESS, WHERE).describe('With {worker}, and {version}, its id.'),
            })
            .optional()
            .describe('Where Workers and their versions answer, if not at workers.dev.'),
        })
        .optional(),
      vercel: z
        .strictObject({
          team: z
            .string()
            .regex(/^team_[A-Za-z0-9]{1,60}$/, 'the team id: team_ and letters and digits')
            .optional()
            .describe("Whose projects they are; the token's own account where left out."),
          api: z
            .url({ protocol: /^https?$/ })
            .optional()
            .describe("Another address of Vercel's API. The token is sent there."),
        })
        .optional(),
    })
    .default({})
    .describe('Where products run beside this machine; tokens are set with `millwright secret set`.'),
  checkpoints: z.strictObject({ hours: z.number().min(0.01).max(720).default(72) }).default({ hours: 72 }),
  limits: z
    .strictObject({
      open_tasks: z.int().min(1).max(100_000).default(20_000),
      session_hours: z.number().min(0.01).max(720).default(24),
      parallel: z.int().min(1).max(64).default(2).describe('Runs at the same time; the others wait.'),
      run: runLimits,
      day: dayLimits,
    })
    .prefault({}),
  hosts: z
    .record(name, hostSchema)
    .default({})
    .describe('How the runner starts hosts of other commands or endpoints.'),
  memory: z
    .strictObject({
      required: z
        .boolean()
        .default(MEMORY.required)
        .describe('Whether a session that changed something must write memory before it hands its task in.'),
      lines: z.int().min(20).max(1000).default(MEMORY.lines).describe('Lines of MEMORY.md.'),
      tokens: z.int().min(200).max(20_000).default(MEMORY.tokens).describe('Tokens of MEMORY.md.'),
      per_day: z
        .int()
        .min(1)
        .max(100_000)
        .default(MEMORY.per_day)
        .describe('Entries an agent adds in 24 hours.'),
    })
    .default(MEMORY),
  protected: z
    .array(z.string().min(1).max(200))
    .default([])
    .describe('Further paths that only a human lets a branch change.'),
});

export type Factory = z.output<typeof factorySchema>;
export type RoleDefinition = z.output<typeof role>;
