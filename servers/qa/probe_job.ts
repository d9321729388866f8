import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { withCleanCheckout } from '../core/clean_run.ts';
import { signedResult } from '../core/evidence.ts';
import { insertGateResult } from '../core/gate_results.ts';
import { PROBE_BUDGET } from '../core/gates.ts';
import { openAuthority } from '../core/git/authority.ts';
import { treeOf } from '../core/git/objects.ts';
import type { JobRunner } from '../core/jobs.ts';
import { isHeld } from '../core/leases.ts';
import { endOf, type Outcome, printed, unmet } from '../core/outcome.ts';
import type { Services } from '../core/services.ts';
import { bundleWorker, type WorkerBundle } from '../core/target/bundle.ts';
import { openApiIn } from './openapi_file.ts';
import { browserFor, NO_BROWSER } from './probe_browser.ts';
import { programFor } from './program.ts';
import { insertReport } from './queries.ts';
import {
  faultOf,
  type Report,
  readReport,
  reportOfNoProduct,
  reportOfNothing,
  shownFindings,
} from './report.ts';
import { layOutWorker, withRoom } from './room.ts';
import { servesNothing } from './serves_nothing.ts';

/** Whose task a report is left on. */
export const holding = z.strictObject({
  task: z.int(),
  pipeline: z.int().nullable(),
  fence: z.int(),
  session: z.string(),
  agent: z.string(),
  root: z.string(),
});
/** What a `qa.probe` job is given; without `holding` the report is left on no task. Any server may enqueue one. */
const probeJob = z.strictObject({
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  holding: holding.optional(),
});

/** Nobody can be given to the probe of a factory: what wants an identity everywhere is for its own tests. */
const UNREACHED =
  'all that changes something wants an identity, which the probe has none of: it is not tested';

/** Time for the runtime to start and to end, beside the probe's own budget. */
const AROUND_MS = 60_000;

type ProbeOutcome = Outcome & { report: Report };

/**
 * The job `qa.probe`: builds one commit in the sandbox, runs the product in workerd with empty databases and attacks
 * it, in the sandbox too. It closes only when the product started, the probe finished within its budget, and nothing
 * worse than a low finding was proved. The whole report becomes the artifact `probe-report` of the task.
 */
export const runProbe: JobRunner = async (input, { id, services, signal }) => {
  const { commit, holding } = probeJob.parse(input);
  const { factory } = await services.factory();
  const started = performance.now();
  const { report, ...outcome } =
    (factory.gates.probe?.serves === 'nothing' && (await nothingToProbe(services, commit, signal))) ||
    (await probed(services, commit, signal));
  signal.throwIfAborted();
  const ms = Math.round(performance.now() - started);
  const tree = await treeOf(await openAuthority(services.paths.git), commit);
  const result = await signedResult(services, { gate: 'qa.probe', commit, tree, factory, ms }, outcome);
  const { closed, why, isolation, digest } = result;
  const findings = shownFindings(report);
  return {
    result: { done: true, closed, why, findings, requests: report.requests, isolation, ms, digest },
    async save(tx) {
      const now = services.clock.now();
      await insertGateResult(tx, result, id, now);
      if (!holding) return;
      const { task: subject, session: holder, fence } = holding;
      const held = await isHeld(tx, { kind: 'task', subject, holder, fence }, now);
      const body = JSON.stringify(report, null, 1);
      if (held) await insertReport(tx, { name: 'probe-report', body }, holding, now);
    },
  };
};

/** The same commit is probed with the same seed. */
const seedOf = (commit: string) => Number.parseInt(commit.slice(0, 8), 16);

/** What the factory file says serves nothing, where the commit shows the same; nobody's word alone does. */
async function nothingToProbe(
  services: Services,
  commit: string,
  signal: AbortSignal,
): Promise<ProbeOutcome | undefined> {
  const outcome = await servesNothing(services, commit, signal).catch((error) => void unmet(error));
  if (!outcome) return undefined;
  const report = reportOfNothing(outcome.why, seedOf(commit));
  return { ...outcome, log: JSON.stringify(report, null, 1), report };
}

async function probed(services: Services, commit: string, signal: AbortSignal): Promise<ProbeOutcome> {
  const sandbox = await services.sandbox();
  const built = await withCleanCheckout(services, commit, async ({ folder, layers, dependencies, kept }) => ({
    openapi: await openApiIn(folder),
    bundle: await bundleWorker(sandbox, { checkout: folder, layers, kept }),
    dependencies,
  })).catch((error) => {
    const outcome = unmet(error);
    const report = reportOfNoProduct(
      'The product can not be built',
      `${outcome.why} ${outcome.log}`,
      seedOf(commit),
    );
    return { ...outcome, report };
  });
  if ('report' in built) return built;
  signal.throwIfAborted();
  return attacked(services, commit, built, signal);
}

async function attacked(
  services: Services,
  commit: string,
  { bundle, dependencies, openapi }: { bundle: WorkerBundle; dependencies: string | null; openapi: unknown },
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const sandbox = await services.sandbox();
  const { script, layers } = programFor(sandbox, 'qa-probe');
  const view = await browserFor(sandbox);
  const result = await withRoom(async (room) => {
    const work = join(room, 'job');
    await mkdir(work);
    const product = await layOutWorker(work, bundle);
    return sandbox.run({
      command: ['node', script],
      work,
      layers: [...layers, ...(view?.layers ?? [])],
      input: JSON.stringify({
        product,
        seed: seedOf(commit),
        budget: PROBE_BUDGET,
        ...(openapi !== undefined && { openapi }),
        ...(view && { browser: view.browser }),
      }),
      limits: { ...view?.limits, wallMs: PROBE_BUDGET.ms + AROUND_MS },
      signal,
    });
  }, services.paths.work);
  const { exit, isolation, engine } = result;
  const about = { exit, isolation, engine, dependencies };
  const report = exit === 0 && result.killedBy === null ? readReport(result.stdout) : undefined;
  if (!report) {
    const why = `the probe made no report (${endOf(result)})`;
    const none = { ...reportOfNoProduct(why, '', seedOf(commit)), complete: false, findings: [] };
    return { ...about, passed: false, why, log: printed(result), report: none };
  }
  if (!view) report.notTested.unshift(`stored-xss: ${NO_BROWSER}`);
  const fault = faultOf(report);
  const proved = `${report.requests} requests proved nothing worse than a low finding`;
  const why = fault ?? (report.unreached ? `${proved}; ${UNREACHED}` : proved);
  return { ...about, passed: fault === undefined, why, log: JSON.stringify(report, null, 1), report };
}
