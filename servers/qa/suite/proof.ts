import { lstat, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import type { Sandbox } from '../../core/sandbox/sandbox.ts';
import type { Finding } from '../finding.ts';
import { programFor } from '../program.ts';
import type { ChangedSources } from './change.ts';
import { isTestFile } from './coverage.ts';
import { judgeRun, type SuiteReport } from './judge.ts';
import { runOnce } from './run.ts';
import type { SuiteOptions, SuiteOutcome } from './suite.ts';

/** Whether the tests of a change could have failed. */
export const proof = z.object({
  /** Tests of the change that pass without it; undefined with the reason where that was not tried. */
  without: z.union([
    z.object({ tests: z.int(), passing: z.array(z.string()) }),
    z.object({ why: z.string() }),
  ]),
  mutants: z.union([
    z.object({ tried: z.int(), killed: z.int(), survived: z.array(z.string()) }),
    z.object({ why: z.string() }),
  ]),
});
export type Proof = z.infer<typeof proof>;

/** The most that all mutants together take. */
const MUTANTS_MS = 15_000;
const SLOWEST_MS = 60_000;

interface ProofOf extends SuiteOptions {
  change: ChangedSources;
  outcome: SuiteOutcome;
  /** `file:line` of changed lines that no test ran; mutants there would tell nothing new. */
  missed: readonly string[];
  /** How many sources with a small defect the tests are tried on at most. */
  mutants: number;
  seed: number;
}

/**
 * Runs the tests of a change on the sources before it, and on sources with one small defect each. Both say whether
 * the tests are able to fail; neither fails a suite by itself.
 */
export async function prove(sandbox: Sandbox, of: ProofOf): Promise<Proof> {
  const { report, first } = of.outcome;
  const unfit =
    report.failed.length + report.flaky.length + report.acts.length > 0 || report.passed === 0
      ? 'the suite does not pass'
      : first.result.ms > SLOWEST_MS
        ? 'the suite takes too long to be run again'
        : undefined;
  if (unfit !== undefined) return { without: { why: unfit }, mutants: { why: unfit } };
  return { without: await withoutChange(sandbox, of), mutants: await mutated(sandbox, of) };
}

/** What a change may hold beside its tests without changing what they could see. */
const BESIDE = /\.(?:md|txt|ya?ml|lock)$|(?:^|\/)(?:package(?:-lock)?\.json|\.[^/]+)$/;

async function withoutChange(sandbox: Sandbox, of: ProofOf): Promise<Proof['without']> {
  const { change, outcome } = of;
  const fresh = outcome.report.tests.filter(
    ({ file, name, state }) => state === 'passed' && change.tests.includes(file) && isNew(change, file, name),
  );
  if (outcome.report.tests.length === 0) return { why: 'the runner names no test' };
  if (fresh.length === 0) return { why: 'the change adds no test' };
  if (change.paths.every(({ path }) => isTestFile(path) || BESIDE.test(path)))
    return { why: 'the change holds nothing but tests' };
  const run = await runOnce(sandbox, { ...of, prepare: (folder) => putBack(folder, change) });
  const before = new Set(judgeRun(of.plan, run).passedIds);
  return {
    tests: fresh.length,
    passing: fresh
      .map(({ id }) => id)
      .filter((id) => before.has(id))
      .slice(0, 100),
  };
}

/** The findings of tests that pass without the change: bad where none of the change's tests fails without it. */
export function hollowFindings(without: Proof['without'], report: SuiteReport): Finding[] {
  if (!('passing' in without) || without.passing.length === 0) return [];
  const fileOf = new Map(report.tests.map(({ id, file }) => [id, file]));
  const all = without.passing.length === without.tests;
  return without.passing.map((id) => ({
    class: 'test-proves-nothing',
    severity: all ? 'high' : 'low',
    where: fileOf.get(id) || 'package.json',
    what: `"${id}" came with the last change and passes without it too.`,
    reproduce: `git worktree add ../before HEAD~1 && git -C ../before checkout HEAD -- ${fileOf.get(id) || 'test'} && cd ../before && ${report.command}`,
    confirmed: true,
  }));
}

/** A test whose own words the file did not hold before. */
const isNew = ({ before }: ChangedSources, file: string, name: string) =>
  !(before(file) ?? '').includes(name.split(' > ').at(-1) ?? name);

/** Gives every changed file its old content, those of tests left out. */
async function putBack(folder: string, { paths, before }: ChangedSources): Promise<void> {
  for (const { path, oldMode } of paths.filter(({ path }) => !isTestFile(path))) {
    const place = await placeIn(folder, path);
    if (place === undefined) continue;
    await rm(place, { recursive: true, force: true });
    const old = before(path);
    if (old === undefined) continue;
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, old, { mode: oldMode === '100755' ? 0o755 : 0o644 });
  }
}

/** Where a path of the product lies, unless a link would lead elsewhere. */
async function placeIn(folder: string, path: string): Promise<string | undefined> {
  const root = await realpath(folder);
  let at = root;
  for (const name of dirname(path).split('/')) {
    if (name === '.') continue;
    at = join(at, name);
    const stat = await lstat(at).catch(() => undefined);
    if (stat && !stat.isDirectory()) return undefined;
  }
  return join(root, path);
}

const mutant = z.object({
  path: z.string(),
  line: z.int(),
  start: z.int(),
  end: z.int(),
  to: z.string(),
  what: z.string(),
});
const mutantList = z.object({ mutants: z.array(mutant).max(20) });

async function mutated(sandbox: Sandbox, of: ProofOf): Promise<Proof['mutants']> {
  if (of.mutants === 0) return { why: 'not asked for' };
  const missed = new Set(of.missed);
  const lines = Object.fromEntries(
    [...of.change.lines].map(([path, numbers]) => [
      path,
      [...numbers].filter((line) => !missed.has(`${path}:${line}`)),
    ]),
  );
  const program = programFor(sandbox, 'qa-sources');
  const made = await runOnSources(sandbox, of, program, {
    task: 'mutants',
    lines,
    most: of.mutants,
    seed: of.seed,
  });
  const list = mutantList.safeParse(made);
  if (!list.success) return { why: 'the changed sources could not be read' };
  if (list.data.mutants.length === 0) return { why: 'no changed line that ran can be altered' };
  const began = performance.now();
  const wallMs = Math.min(of.wallMs, of.outcome.first.result.ms * 3 + 5_000);
  const survived: string[] = [];
  let tried = 0;
  for (const { path, line, start, end, to, what } of list.data.mutants) {
    if (performance.now() - began > MUTANTS_MS) break;
    of.signal.throwIfAborted();
    const run = await runOnce(sandbox, {
      ...of,
      wallMs,
      async prepare(folder) {
        const place = await placeIn(folder, path);
        if (place === undefined) return;
        const source = await readFile(place, 'utf8');
        await writeFile(place, source.slice(0, start) + to + source.slice(end));
      },
    });
    tried += 1;
    if (judgeRun(of.plan, run).wentWell) survived.push(`${path}:${line}: ${what}`);
  }
  return { tried, killed: tried - survived.length, survived };
}

/** Has our program for sources read the product's; undefined when it made no report. */
export async function runOnSources(
  sandbox: Sandbox,
  { sources, signal }: Pick<SuiteOptions, 'sources' | 'signal'>,
  { script, layers }: ReturnType<typeof programFor>,
  input: unknown,
): Promise<unknown> {
  const result = await sandbox.run({
    command: ['node', script],
    work: sources,
    layers,
    input: JSON.stringify(input),
    limits: { wallMs: 60_000 },
    signal,
  });
  try {
    return result.exit === 0 ? JSON.parse(result.stdout) : undefined;
  } catch {
    return undefined;
  }
}
