import { LineCounter, parseDocument } from 'yaml';
import * as z from 'zod';
import { ToolError } from './errors.ts';
import { NAME, TARGETS } from './target/names.ts';

/** Where a product's repository says what it runs on. */
export const INFRA_FILE = 'infra.yaml';
const MAX_CHARS = 100_000;

const PRODUCT = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const HOST = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;

const name = z.string().regex(NAME, 'use lower-case letters, digits and inner hyphens');
const host = z.string().regex(HOST, 'use a host name in lower case');
const names = z.array(name).max(20).default([]);

const secrets = z
  .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'use a JavaScript name'))
  .max(50)
  .default([])
  .describe('Names only; a human sets the values with `millwright secret set`.');

const worker = z.strictObject({
  name,
  crons: z
    .array(z.string().regex(/^[\w*/,#-]+(?: [\w*/,#-]+){4}$/, 'use five fields of cron'))
    .max(10)
    .default([])
    .describe('When the Worker is started by the clock, in UTC.'),
  secrets,
  domains: z
    .array(z.strictObject({ host, zone: host }))
    .max(10)
    .default([])
    .describe('Where the Worker answers beside its own address; the zone must be in the account.'),
});

const record = z.strictObject({
  zone: host,
  type: z.enum(['A', 'AAAA', 'CNAME', 'TXT']),
  name: host,
  content: z.string().min(1).max(2000),
  proxied: z.boolean().default(false),
});

/** The desired infrastructure of one product. Everything that is not named is not the product's. */
export const infraSchema = z
  .strictObject({
    product: z.string().regex(PRODUCT, 'use lower-case letters, digits and inner hyphens'),
    target: z.enum(TARGETS).default('local'),
    workers: z.array(worker).max(10).default([]),
    vercel: z
      .strictObject({ project: name, secrets })
      .optional()
      .describe('The project that the Worker is at Vercel, by the same name; in place of `workers`.'),
    d1: names.describe('Databases.'),
    kv: names.describe('KV namespaces.'),
    r2: names.describe('Buckets.'),
    queues: names,
    dns: z.array(record).max(50).default([]),
    health: z.unknown().optional().describe('Thresholds of a release: see docs/releases.md.'),
  })
  .refine(
    ({ workers, d1, kv, r2, queues, dns }) =>
      [
        workers.map((one) => one.name),
        d1,
        kv,
        r2,
        queues,
        dns.map((one) => `${one.type} ${one.name} ${one.content}`),
      ].every((all) => new Set(all).size === all.length),
    { error: 'names one thing twice' },
  )
  .refine(({ target, vercel }) => (target === 'vercel') === (vercel !== undefined), {
    error: '`target: vercel` and `vercel:` go together',
  })
  .refine(({ vercel, workers }) => (vercel === undefined) === workers.length > 0, {
    error: 'name at least one Worker, or at Vercel the project and no Worker',
  })
  .refine(
    ({ vercel, d1, kv, r2, queues, dns }) =>
      !vercel || [d1, kv, r2, queues, dns].every((all) => all.length === 0),
    { error: 'Vercel has a project and its secrets, and nothing else that is named here' },
  );

/** `infra.yaml` as it was read. */
export type Infra = z.output<typeof infraSchema>;

/** Reads the text of an `infra.yaml`. Throws INVALID_INPUT with rule `infra.file` that names line and key. */
export function readInfra(text: string): Infra {
  if (text.length > MAX_CHARS) throw invalid(`is over ${MAX_CHARS} characters`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: false });
  const [fault] = document.errors;
  if (fault) throw invalid(`is no YAML in line ${fault.linePos?.[0].line ?? 1}`);
  const parsed = infraSchema.safeParse(plain(document));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const node = document.getIn(issue?.path ?? [], true) as { range?: [number, number, number] } | undefined;
  const line = node?.range ? lines.linePos(node.range[0]).line : 1;
  const where =
    issue?.path
      .join('.')
      .replace(/[^\w.-]/g, '?')
      .slice(0, 100) || 'the top';
  throw invalid(`is wrong in line ${line}, at ${where}: ${issue?.message ?? 'invalid'}`);
}

/** The document as data, without aliases: a few lines of them can stand for any amount. */
function plain(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw invalid('uses aliases');
  }
}

const invalid = (what: string) =>
  new ToolError(
    'INVALID_INPUT',
    `${INFRA_FILE} ${what}.`,
    `Correct ${INFRA_FILE} in the repository; see docs/infra.md.`,
    {
      rule: 'infra.file',
    },
  );
