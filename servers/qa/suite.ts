import * as z from 'zod';
import { type CleanCheckout, withCleanCheckout } from '../core/clean_run.ts';
import { signedResult } from '../core/evidence.ts';
import type { Factory } from '../core/factory/definition.ts';
import { insertGateResult } from '../core/gate_results.ts';
import { openAuthority } from '../core/git/authority.ts';
import { parentsOf, treeOf } from '../core/git/objects.ts';
import type { JobRunner } from '../core/jobs.ts';
import { nothingRan, type Outcome, unmet } from '../core/outcome.ts';
import type { Services } from '../core/services.ts';
import type { Finding } from './finding.ts';
import { launchOnce } from './launch.ts';
import { holding } from './probe_job.ts';
import { leaveReport } from './queries.ts';
import { dangerousPatterns, packagesIn } from './scan/scan.ts';
import { type ChangedSources, changedSources } from './suite/change.ts';
import { type CoverageOfChange, coverageOf } from './suite/coverage.ts';
import { detectSuite } from './suite/detect.ts';
import { faultOf } from './suite/judge.ts';
import { prove } from './suite/proof.ts';
import { runProductSuite, type SuiteOutcome } from './suite/suite.ts';
import { readerOf } from './suite_check.ts';
import { type SuiteEvidence, suiteLog } from './suite_evidence.ts';

/** What a `qa.run` job is given; without `holding` the report is left on no task. Any server may enqueue one. */
const suiteJob = z.strictObject({
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  holding: holding.optional(),
  /** How many altered sources the tests are tried on at most. */
  mutants: z.int().min(0).max(20).default(0),
});

type Examined = Outcome & { tests: number; shown: Record<string, unknown>; report?: unknown };

/**
 * The job `qa.run`: the product's own suite on a clean checkout of one commit, in the sandbox, as the factory's smoke
 * command or its manifests name it. It closes only when tests passed, none failed in any run, the suite did nothing
 * hostile, the product starts, and the change adds nothing dangerous. Any server may enqueue one.
 */
export const runSuite: JobRunner = async (input, { id, services, signal }) => {
  const { commit, holding: held, mutants } = suiteJob.parse(input);
  const { factory } = await services.factory();
  const started = performance.now();
  const none = { tests: 0, shown: {} };
  const { report, shown, tests, ...outcome }: Examined = await withCleanCheckout(
    services,
    commit,
    (checkout) => examine(services, { factory, commit, checkout, mutants, signal }),
  ).catch((error) => ({ ...unmet(error), ...none }));
  signal.throwIfAborted();
  const ms = Math.round(performance.now() - started);
  const tree = await treeOf(await openAuthority(services.paths.git), commit);
  const result = await signedResult(services, { gate: 'qa.suite', commit, tree, factory, ms }, outcome);
  const { closed, why, isolation, digest } = result;
  return {
    result: { done: true, closed, why: why.slice(0, 400), tests, isolation, ms, digest, ...shown },
    save: async (tx) => {
      const now = services.clock.now();
      await insertGateResult(tx, result, id, now);
      if (held && report !== undefined)
        await leaveReport(tx, { name: 'suite-report', body: JSON.stringify(report, null, 1) }, held, now);
    },
  };
};

interface Examination {
  factory: Factory;
  commit: string;
  checkout: CleanCheckout;
  mutants: number;
  signal: AbortSignal;
}

async function examine(
  services: Services,
  { factory, commit, checkout, mutants, signal }: Examination,
): Promise<Examined> {
  const { folder, layers, dependencies, kept } = checkout;
  const sandbox = await services.sandbox();
  const { isolation, engine } = sandbox;
  const { command, seconds } = factory.gates.smoke;
  const plan = await detectSuite(readerOf(folder), command);
  if (!plan) {
    const why = 'no test ran: nothing tells how the product is tested; set gates.smoke.command';
    return { ...nothingRan(why), tests: 0, shown: {} };
  }
  const options = { sources: folder, layers, plan, wallMs: seconds * 1000, signal };
  const outcome = await runProductSuite(sandbox, options);
  const change = await changeOf(services, commit);
  const coverage = coverageFor(outcome, change);
  const patterns = await dangerousLines(services, folder, change, signal);
  const packages = packagesIn(new Map(textsOf(change)));
  const launch = await launchOnce(services, { folder, layers, kept, signal });
  const missed = coverage.measured ? coverage.missed : [];
  const seed = Number.parseInt(commit.slice(0, 8), 16);
  const proof = await prove(sandbox, { ...options, change, outcome, missed, mutants, seed });
  const { report, first } = outcome;
  const findings = [...patterns.findings, ...packages.findings].filter(({ severity }) => severity !== 'low');
  const [worst] = findings;
  const fault =
    faultOf(report, first) ??
    (launch.state === 'failed' ? `the product does not start: ${launch.why.split('\n')[0]}` : undefined) ??
    (worst && `${worst.class} ${worst.where}: ${worst.what}`);
  const evidence: Omit<SuiteEvidence, 'left_out'> = {
    ...report,
    launch,
    coverage,
    proof,
    patterns: findings.map(({ where, what }) => `${where}: ${what}`),
    licences: packages.licences.slice(0, 20),
    not_tested: patterns.notTested,
    output: first.log,
    tests: report.tests.map(({ state, id }) => [state, id]),
  };
  return {
    passed: fault === undefined,
    why: (fault ?? `${report.passed} tests passed (${report.runner})`).slice(0, 400),
    log: suiteLog(evidence),
    exit: first.result.exit,
    isolation,
    engine,
    dependencies,
    tests: report.passed,
    shown: shownOf(evidence),
    report: { ...evidence, tests: report.tests },
  };
}

async function changeOf(services: Services, commit: string): Promise<ChangedSources> {
  const authority = await openAuthority(services.paths.git);
  const [parent = commit] = await parentsOf(authority, commit);
  return changedSources(authority, parent, commit);
}

function coverageFor({ first, report }: SuiteOutcome, { lines, after }: ChangedSources): CoverageOfChange {
  if (report.runner !== 'node')
    return { measured: false, why: `not measured for the runner ${report.runner}` };
  return coverageOf(first.coverage, lines, after);
}

/** What dangerous shapes of code the change adds; those that stood there before are not its fault. */
async function dangerousLines(
  services: Services,
  folder: string,
  { lines }: ChangedSources,
  signal: AbortSignal,
): Promise<{ findings: Finding[]; notTested: string[] }> {
  const job = { folder, paths: [...lines.keys()], signal };
  return dangerousPatterns(await services.sandbox(), job).then(
    (all) => ({ findings: all.filter(({ where }) => isAdded(lines, where)), notTested: [] }),
    (error: Error) => ({ findings: [], notTested: [error.message] }),
  );
}

function isAdded(lines: ChangedSources['lines'], where: string): boolean {
  const [, path = '', line = ''] = /^(.*):(\d+)$/.exec(where) ?? [];
  return lines.get(path)?.has(Number(line)) ?? false;
}

const textsOf = ({ paths, after }: ChangedSources): [string, string][] =>
  paths.flatMap(({ path }) => {
    const text = after(path);
    return text === undefined ? [] : [[path, text] as [string, string]];
  });

/** What the caller sees beside the result: ids to tie criteria to, and what the tests are worth. */
function shownOf({ tests, flaky, coverage, proof, launch }: Omit<SuiteEvidence, 'left_out'>) {
  const ids: string[] = [];
  let left = 4_000;
  for (const [, id] of tests) {
    left -= id.length + 4;
    if (left < 0) break;
    ids.push(id);
  }
  const { without, mutants } = proof;
  return {
    checks: ids,
    flaky: flaky.slice(0, 20),
    launch: `${launch.state}: ${launch.why}`.slice(0, 300),
    coverage: coverage.measured
      ? `${coverage.covered} of ${coverage.lines} changed lines ran; not: ${coverage.missed.slice(0, 10).join(', ') || 'none'}`
      : coverage.why,
    proves_nothing: 'passing' in without ? without.passing.slice(0, 20) : [],
    mutants:
      'why' in mutants
        ? mutants.why
        : `${mutants.killed} of ${mutants.tried} noticed; not: ${mutants.survived.join('; ') || 'none'}`,
  };
}
