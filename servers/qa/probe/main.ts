/**
 * The probe as a program, for the sandbox: one JSON object on stdin (`job`), one JSON report on stdout.
 * Exits 0 whenever a report was made, 2 when the input was not a job or the probe itself failed.
 */
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { type CostReport, costOf } from '../cost/cost.ts';
import { NotStarted, type ProductStart, productStart, start } from '../product/start.ts';
import { criterion } from './criteria.ts';
import { curl } from './curl.ts';
import { excerpt, findingId, sortFindings } from './findings.ts';
import { probe } from './probe.ts';
import { readSources } from './source/read.ts';
import type { Identities, Input, ProbeReport } from './types.ts';
import { openViewer } from './viewer.ts';

/** Where `wrangler dev` serves by default, so that the report's commands can be pasted. */
const SHOWN_ORIGIN = 'http://127.0.0.1:8787';

const headers = z.record(z.string().max(100), z.string().max(10_000));
/** Who the product knows, as the file of `--auth` says it. */
const auth = z.strictObject({
  users: z.array(z.strictObject({ name: z.string().min(1).max(100), headers })).max(20),
  expired: z.strictObject({ headers }).optional(),
  admin: z.strictObject({ headers }).optional(),
});

const job = z.strictObject({
  product: productStart,
  openapi: z.unknown().optional(),
  criteria: z.array(criterion).max(200).default([]),
  auth: auth.optional(),
  allow: z.array(z.string().max(300)).max(50).default([]),
  /** A Chromium to confirm with what runs in pages. */
  browser: z.strictObject({ executable: z.string().min(1), libraries: z.string().optional() }).optional(),
  /** A folder with the product's sources, where there is one besides what runs. */
  sources: z.string().max(1_000).optional(),
  /** The plan whose limits a Worker is held against. */
  plan: z.enum(['free', 'paid']).default('free'),
  seed: z.int().min(0),
  budget: z.strictObject({ requests: z.int().min(1).max(100_000), ms: z.int().min(100).max(3_600_000) }),
});
type Job = z.infer<typeof job>;

/** The probe's report and, for a Worker that starts, what its requests cost. */
async function report(input: Job): Promise<ProbeReport> {
  const probed = await attacked(input);
  if (input.product.kind !== 'worker') {
    const why = 'cost: only a Worker is measured; what runs by a command has no plan with limits.';
    return { ...probed, notTested: [...probed.notTested, why] };
  }
  if (probed.findings.some(({ kind }) => kind === 'no-start')) return probed;
  const { bundleDir, config } = input.product;
  const started = performance.now();
  const cost = await costOf({
    bundleDir,
    config,
    plan: input.plan,
    openapi: input.openapi,
    inputs: await known(input.product, input.sources),
    identities: identitiesOf(input.auth),
  });
  return withCost(probed, cost, Math.round(performance.now() - started));
}

function withCost(probed: ProbeReport, cost: CostReport, ms: number): ProbeReport {
  const found = cost.findings.map(({ request, ...one }) => ({
    ...one,
    id: findingId(one.kind, one.where),
    reproduction: request ? curl(probed.origin, request) : 'npx wrangler deploy --dry-run',
    regression: '',
    confirmed: true as const,
  }));
  return {
    ...probed,
    findings: sortFindings([...probed.findings, ...found]),
    checks: [...probed.checks, { name: 'cost', ran: cost.routes.length > 0, requests: 0, ms }],
    notTested: [...probed.notTested, ...cost.notTested],
    ms: probed.ms + ms,
  };
}

async function attacked(input: Job): Promise<ProbeReport> {
  const { product: described, openapi, criteria, seed, budget, allow } = input;
  const started = performance.now();
  const viewer = input.browser && openViewer(input.browser);
  try {
    let product = await start(described);
    try {
      return await probe({
        origin: product.origin,
        allowed: allow,
        openapi,
        inputs: await known(described, input.sources),
        criteria,
        identities: identitiesOf(input.auth),
        seed,
        budget,
        ...(viewer && { viewer }),
        ...(described.kind === 'url'
          ? {}
          : {
              shownOrigin: SHOWN_ORIGIN,
              async reset() {
                await product.stop();
                product = await start(described);
                return product.origin;
              },
            }),
      });
    } finally {
      await product.stop();
    }
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error;
    return notStarted(error, seed, Math.round(performance.now() - started));
  } finally {
    await viewer?.close();
  }
}

/** Settings that look like something one has to know. */
const secretsOf = (vars: Record<string, string>): string[] =>
  Object.entries(vars)
    .filter(([name, value]) => /pass|secret|pin|word|key|token|code/i.test(name) && value.length <= 100)
    .map(([, value]) => value);

/** What the sources say about routes: those named, or what runs. */
function known(product: ProductStart, sources: string | undefined): Promise<Input[]> {
  if (sources !== undefined) return readSources(sources);
  if (product.kind === 'worker') return readSources(product.bundleDir, secretsOf(product.config.vars));
  return product.kind === 'command' ? readSources(product.cwd) : Promise.resolve([]);
}

const identitiesOf = (given: z.infer<typeof auth> | undefined): Identities => ({
  users: given?.users ?? [],
  ...(given?.expired ? { expired: { name: 'expired', ...given.expired } } : {}),
  ...(given?.admin ? { admin: { name: 'admin', ...given.admin } } : {}),
});

function notStarted(error: NotStarted, seed: number, ms: number): ProbeReport {
  const title = 'The product does not start';
  return {
    origin: SHOWN_ORIGIN,
    seed,
    complete: true,
    findings: [
      {
        id: findingId('no-start', 'GET /', title),
        kind: 'no-start',
        severity: 'critical',
        title,
        where: 'GET /',
        reproduction: 'wrangler dev',
        regression: '',
        evidence: excerpt(error.message),
        confirmed: true,
      },
    ],
    checks: [{ name: 'start', ran: true, requests: 0, ms }],
    notTested: ['Everything else: there was nothing to probe.'],
    requests: 0,
    ms,
  };
}

try {
  const result = await report(job.parse(JSON.parse(await text(process.stdin))));
  process.stdout.write(`${JSON.stringify(result)}\n`);
} catch (error) {
  process.stderr.write(`qa-probe: ${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}\n`);
  process.exitCode = 2;
}
