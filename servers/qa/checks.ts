import { type Checked, untiedCriteria } from './criteria.ts';
import { type Finding, fails, worstFirst } from './finding.ts';
import { pagesCheck } from './page/check.ts';
import { probeCheck } from './probe_check.ts';
import { scanCheck } from './scan_check.ts';
import { startCheck } from './start_check.ts';
import { suiteCheck } from './suite_check.ts';
import type { Target } from './target.ts';

/** Where a check says what it found. Everything is kept at once, so that a check that is ended early loses nothing. */
export interface Reporter {
  /** `picture` is a PNG that shows it. */
  finding(finding: Finding, picture?: Buffer): void;
  /** Something that could not be looked at, and why; never silently left out. */
  notTested(what: string): void;
  /** The target has nothing for the check: it does not count as having run. `what` says so where no finding does. */
  nothing(what?: string): void;
  /** It ran and never got to what it is to test, and why: without a finding this is no pass. */
  unreached(what: string): void;
  /** What ran, by the names that a criterion may be tied to. */
  ran(what: Partial<Checked>): void;
  /** How long one of the check's `parts` took, when it ran. */
  part(name: string, ms: number): void;
  /** For the person who waits. */
  progress(line: string): void;
}

/**
 * One part of a test. `run` resolves when it is done; what it throws means that it could not be run, which is told
 * under `not_tested` and is never a pass.
 */
export interface Check {
  name: string;
  /** `product`: a product that started. `folder`: sources. Without it the check is left out and said to be. */
  needs: 'product' | 'folder';
  /** What it does besides, that people know by a name of its own. */
  parts?: readonly string[];
  run(target: Target, report: Reporter, signal: AbortSignal): Promise<void>;
}

/** Every check, in the order in which they run: the cheap and the decisive first. */
const CHECKS: readonly Check[] = [startCheck, suiteCheck, scanCheck, probeCheck, pagesCheck];

export interface SuiteReport {
  verdict: 'PASS' | 'FAIL' | 'UNTESTED';
  findings: (Finding & { picture?: Buffer })[];
  checks: { name: string; ran: boolean; ms: number }[];
  not_tested: string[];
  ms: number;
}

/**
 * Runs every check that the target has something for. FAIL when a confirmed finding is worse than low; UNTESTED
 * when nothing was found and a check could not be run at all or never got to what it tests, or none could; else PASS.
 */
export async function runSuite(
  target: Target,
  {
    progress,
    signal,
    checks = CHECKS,
  }: { progress: (line: string) => void; signal: AbortSignal; checks?: readonly Check[] },
): Promise<SuiteReport> {
  const started = performance.now();
  const findings: SuiteReport['findings'] = [];
  const ran: SuiteReport['checks'] = [];
  const notTested = new Set<string>();
  const evidence: Checked = { suite: undefined, probe: undefined, gates: [] };
  let broken = false;
  for (const { name, needs, parts = [], run } of checks) {
    const missing = missingFor(needs, target, findings);
    if (missing) {
      notTested.add(`${name}: ${missing}`);
      for (const one of [name, ...parts]) ran.push({ name: one, ran: false, ms: 0 });
      continue;
    }
    progress(`${name}: running`);
    const begun = performance.now();
    const before = findings.length;
    let isIdle = false;
    const tookOf = new Map<string, number>();
    const reporter: Reporter = {
      ran: (what) => void Object.assign(evidence, what),
      part: (part, ms) => void tookOf.set(part, ms),
      finding: (finding, picture) => void findings.push({ ...finding, ...(picture && { picture }) }),
      notTested: (what) => void notTested.add(what),
      nothing(what) {
        isIdle = true;
        if (what !== undefined) notTested.add(`${name}: ${what}`);
      },
      unreached(what) {
        broken = true;
        notTested.add(`${name}: ${what}`);
      },
      progress: (line) => progress(`${name}: ${line}`),
    };
    const failure = await run(target, reporter, signal).then(
      () => undefined,
      (error: Error) => error,
    );
    signal.throwIfAborted();
    if (failure) notTested.add(`${name}: it could not be run: ${failure.message.slice(0, 500)}`);
    broken ||= failure !== undefined;
    const ms = Math.round(performance.now() - begun);
    ran.push({ name, ran: failure === undefined && !isIdle, ms });
    for (const part of parts) ran.push({ name: part, ran: tookOf.has(part), ms: tookOf.get(part) ?? 0 });
    progress(`${name}: ${failure ? 'could not be run' : `${findings.length - before} found`}, ${ms} ms`);
  }
  if (target.criteria) findings.push(...untiedCriteria(target.criteria, evidence));
  else notTested.add('criteria: none were named; --criteria FILE lists them with the checks that show them');
  ran.push({ name: 'criteria', ran: target.criteria !== undefined, ms: 0 });
  const isTested = ran.some(({ ran }) => ran) && !broken;
  return {
    verdict: findings.some(fails) ? 'FAIL' : isTested ? 'PASS' : 'UNTESTED',
    findings: worstFirst(findings),
    checks: ran,
    not_tested: [...notTested],
    ms: Math.round(performance.now() - started),
  };
}

function missingFor(
  needs: Check['needs'],
  { folder, kind }: Target,
  findings: readonly Finding[],
): string | undefined {
  if (needs === 'folder') return folder === undefined ? 'there are no sources to look at' : undefined;
  if (kind === 'sources') return 'nothing here starts as a product';
  return findings.some((finding) => finding.class === 'no-start') ? 'the product does not start' : undefined;
}
