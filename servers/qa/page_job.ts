import * as z from 'zod';
import { withCleanCheckout } from '../core/clean_run.ts';
import { signedResult } from '../core/evidence.ts';
import { insertGateResult } from '../core/gate_results.ts';
import { PAGE_GATE } from '../core/gates.ts';
import { openAuthority } from '../core/git/authority.ts';
import { treeOf } from '../core/git/objects.ts';
import type { JobRunner } from '../core/jobs.ts';
import { isHeld } from '../core/leases.ts';
import { nothingRan, type Outcome, unmet } from '../core/outcome.ts';
import type { Services } from '../core/services.ts';
import { bundleWorker } from '../core/target/bundle.ts';
import { VERSION } from '../core/version.ts';
import { fails, worstFirst } from './finding.ts';
import { htmlReport } from './html/report.ts';
import { pagesRun } from './page/check.ts';
import { BrowserMissing } from './page/find_browser.ts';
import { type PageFinding, type PageReport, pageReport } from './page/types.ts';
import { holding } from './probe_job.ts';
import { insertReport } from './queries.ts';
import { layOutWorker } from './room.ts';
import { runContained } from './run_program.ts';

const pageJob = z.strictObject({ commit: z.string().regex(/^[0-9a-f]{40}$/), holding: holding.optional() });
const SHOWN_ORIGIN = 'http://127.0.0.1:8787';
const SHOWN_CHARS = 7_000;
const MOST_HTML = 3_000_000;

interface Looked extends Outcome {
  report?: PageReport;
  pictures: ReadonlyMap<string, Buffer>;
}

/**
 * The job `qa.page`: builds one commit, runs it in the sandbox with a real browser beside it, and looks at its pages.
 * It closes only when the product started, the look finished within its budget, at least one page was seen, and
 * nothing worse than low was confirmed. The task gets `page-report` (JSON) and `page-pictures` (one HTML file).
 */
export const runPage: JobRunner = async (input, { id, services, signal }) => {
  const { commit, holding: held } = pageJob.parse(input);
  const { factory } = await services.factory();
  const started = performance.now();
  const { report, pictures, ...outcome } = await looked(
    services,
    commit,
    factory.gates.pages?.path ?? '/',
    signal,
  );
  signal.throwIfAborted();
  const ms = Math.round(performance.now() - started);
  const tree = await treeOf(await openAuthority(services.paths.git), commit);
  const result = await signedResult(services, { gate: PAGE_GATE, commit, tree, factory, ms }, outcome);
  const { closed, why, isolation, digest } = result;
  const findings = worstFirst(report?.findings ?? []);
  return {
    result: {
      done: true,
      closed,
      why,
      findings: shown(findings),
      pages: report?.pages ?? 0,
      isolation,
      ms,
      digest,
    },
    async save(tx) {
      const now = services.clock.now();
      await insertGateResult(tx, result, id, now);
      if (!held || !report) return;
      const { task: subject, session: holder, fence } = held;
      if (!(await isHeld(tx, { kind: 'task', subject, holder, fence }, now))) return;
      await insertReport(tx, { name: 'page-report', body: JSON.stringify(report, null, 1) }, held, now);
      const body = pictured(commit, report, pictures, { closed, ms, now });
      await insertReport(tx, { name: 'page-pictures', body, media: 'text/html' }, held, now);
    },
  };
};

async function looked(
  services: Services,
  commit: string,
  path: string,
  signal: AbortSignal,
): Promise<Looked> {
  const sandbox = await services.sandbox();
  const none = new Map<string, Buffer>();
  try {
    const run = await pagesRun(sandbox, { path, shownOrigin: SHOWN_ORIGIN });
    return await withCleanCheckout(services, commit, async ({ folder, layers, dependencies, kept }) => {
      const bundle = await bundleWorker(sandbox, { checkout: folder, layers, kept });
      const {
        report: printed,
        why,
        files,
      } = await runContained(
        sandbox,
        [],
        (work) => layOutWorker(work, bundle),
        { ...run, signal },
        services.paths.work,
      );
      const { isolation, engine } = sandbox;
      const report = pageReport.safeParse(printed).data;
      const about = { isolation, engine, dependencies, exit: report ? 0 : null, pictures: files };
      if (!report)
        return {
          ...about,
          passed: false,
          why: `the pages could not be looked at (${why.slice(0, 200)})`,
          log: why,
        };
      const fault = faultOf(report);
      const good = `${report.pages} pages in ${report.visits} windows showed nothing worse than low`;
      return {
        ...about,
        passed: fault === undefined,
        why: fault ?? good,
        log: JSON.stringify(report, null, 1),
        report,
      };
    });
  } catch (error) {
    if (error instanceof BrowserMissing)
      return { ...nothingRan(`${error.message} ${error.remedy}`), pictures: none };
    return { ...unmet(error), pictures: none };
  }
}

/** Why a look closes nothing; undefined when it does. */
function faultOf({ started, complete, findings, pages, notTested }: PageReport): string | undefined {
  const bad = worstFirst(findings.filter(fails));
  const [worst] = bad;
  if (worst)
    return `the pages show ${bad.length}: ${worst.severity}, ${worst.class} (${worst.where})`.slice(0, 400);
  if (!started) return notTested[0] ?? 'the product does not start';
  if (pages === 0) return 'no page was found';
  return complete ? undefined : 'the look at the pages did not finish within its budget';
}

/** Findings, worst first, as many as fit into an answer. */
function shown(findings: readonly PageFinding[]) {
  const fitting = [];
  let left = SHOWN_CHARS;
  for (const { picture: _, confirmed: __, ...finding } of findings) {
    const one = {
      ...finding,
      what: finding.what.slice(0, 400),
      where: finding.where.slice(0, 200),
      reproduce: finding.reproduce.slice(0, 400),
    };
    left -= JSON.stringify(one).length;
    if (left < 0) break;
    fitting.push(one);
  }
  return fitting;
}

/** The same for a person: one HTML file with the pictures, without those of whole windows when it would be too large. */
function pictured(
  commit: string,
  report: PageReport,
  files: ReadonlyMap<string, Buffer>,
  { closed, ms, now }: { closed: boolean; ms: number; now: number },
): string {
  const findings = report.findings.map(({ picture, ...finding }) => {
    const bytes = picture ? files.get(picture) : undefined;
    return { ...finding, ...(bytes && { picture: bytes }) };
  });
  const suite = {
    verdict: closed ? ('PASS' as const) : ('FAIL' as const),
    findings,
    checks: [{ name: 'pages', ran: report.started, ms: report.ms }],
    not_tested: report.notTested,
    ms,
  };
  const pages = report.pictures.flatMap(({ file }) => {
    const bytes = files.get(file);
    return bytes ? [{ name: file.replace(/^page-|\.png$/g, ''), bytes }] : [];
  });
  const about = { target: commit, report: suite, at: now, version: VERSION };
  const whole = htmlReport({ ...about, pages });
  return whole.length <= MOST_HTML ? whole : htmlReport({ ...about, pages: [] }).slice(0, MOST_HTML);
}
