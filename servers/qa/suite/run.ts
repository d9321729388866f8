import { cp, mkdir, mkdtemp, readdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { temporaryPrefix } from '../../core/census.ts';
import { removeRoom } from '../../core/clean_run.ts';
import { printed } from '../../core/outcome.ts';
import { type Layer, readResult, type Sandbox, type SandboxResult } from '../../core/sandbox/sandbox.ts';
import { programFor } from '../program.ts';
import type { SuitePlan } from './detect.ts';
import { rowsOfGo, rowsOfJson } from './parse/json.ts';
import { rowsOfJUnit } from './parse/junit.ts';
import { rowsOfCargo, rowsOfTap } from './parse/text.ts';
import type { TestRow } from './types.ts';

const OWN = '.millwright-suite';
const MAX_REPORT = 20_000_000;
const MAX_COVERAGE_FILES = 300;
const MAX_ROWS = 5_000;
const MAX_SOURCE = 1_000_000;
/** Few enough that a fork bomb ends at it within a moment, many enough for a browser and its workers. */
export const PROCESSES = 256;

/** Something that no test of a product has a reason to do, and the file and line that did it. */
export interface Act {
  act: string;
  at: string;
}

/** One run of a suite. */
export interface SuiteRun {
  rows: TestRow[];
  acts: Act[];
  /** The most processes at once, and what was left running; undefined when the run did not live to tell. */
  seen: { peak: number; left: { id: number; called: string }[] } | undefined;
  /** Processes that the product's own code started, and where. */
  spawned: { pid: number; at: string }[];
  /** What V8 wrote, one text a process; only when it was asked for. */
  coverage: string[];
  log: string;
  result: SandboxResult;
}

const seen = z.object({ peak: z.number(), left: z.array(z.object({ id: z.number(), called: z.string() })) });
const act = z.object({ act: z.string(), at: z.string() });
const spawned = z.object({ pid: z.number(), at: z.string() });

interface SuiteJob {
  /** Folder with the product's sources; it is copied, nothing is written into it. */
  sources: string;
  layers: readonly Layer[];
  plan: SuitePlan;
  wallMs: number;
  withCoverage?: boolean;
  signal: AbortSignal;
  /** Changes the copy before the run. */
  prepare?: (folder: string) => Promise<void>;
}

/** Runs a product's suite once, on a fresh copy of its sources, in the sandbox without a network. */
export async function runOnce(sandbox: Sandbox, job: SuiteJob): Promise<SuiteRun> {
  const room = await realpath(await mkdtemp(join(tmpdir(), temporaryPrefix('run'))));
  try {
    const work = join(room, 'job');
    await copySources(job, work);
    await job.prepare?.(work);
    await mkdir(join(work, OWN));
    const result = await started(sandbox, job, work);
    return { ...(await readBack(job, work, result)), result, log: printed(result) };
  } finally {
    await removeRoom(room);
  }
}

const copySources = ({ sources, layers }: SuiteJob, work: string) =>
  cp(sources, work, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => {
      const name = basename(path);
      return name !== '.git' && (layers.length === 0 || name !== 'node_modules' || path === sources);
    },
  });

function started(
  sandbox: Sandbox,
  { plan, layers, wallMs, withCoverage, signal }: SuiteJob,
  work: string,
): Promise<SandboxResult> {
  const inside = sandbox.enforced.files === 'allow-list' ? '/job' : work;
  const own = join(inside, OWN);
  const program = programFor(sandbox, 'qa-suite');
  const tripwire = programFor(sandbox, 'qa-tripwire').script;
  const filled = (text: string) => text.replaceAll('{report}', join(own, 'report'));
  const { NODE_OPTIONS = '', ...env } = plan.env;
  const [file, ...args] = plan.command;
  return sandbox.run({
    command: ['node', program.script],
    work,
    layers: [...layers, ...program.layers],
    env: { CI: 'true', FORCE_COLOR: '0', NO_COLOR: '1' },
    input: JSON.stringify({
      command: [file, ...args.map(filled)],
      env: {
        ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)])),
        NODE_OPTIONS: `${filled(NODE_OPTIONS)} --import=${tripwire}`.trim(),
        MILLWRIGHT_SUITE_ACTS: join(own, 'acts'),
        ...(withCoverage && { NODE_V8_COVERAGE: join(own, 'coverage') }),
      },
      seen: join(own, 'seen.json'),
    }),
    limits: { wallMs, processes: PROCESSES },
    signal,
  });
}

async function readBack(
  { plan, withCoverage }: SuiteJob,
  work: string,
  { stdout }: SandboxResult,
): Promise<Pick<SuiteRun, 'rows' | 'acts' | 'seen' | 'spawned' | 'coverage'>> {
  const text = (name: string) =>
    readResult(work, join(OWN, name), MAX_REPORT).then(
      (bytes) => bytes.toString('utf8'),
      () => '',
    );
  const report = plan.report === 'go' ? stdout : plan.report === 'none' ? '' : await text('report');
  const coverage = withCoverage ? await coverageFiles(work) : [];
  const acts = (await text('acts')).split('\n');
  const rows = rowsOf(plan.report, report, stdout).slice(0, MAX_ROWS);
  return {
    rows: await Promise.all(rows.map((row) => asTest(work, row))),
    acts: acts.flatMap((line) => parsedAs(act, line) ?? []),
    spawned: acts.flatMap((line) => parsedAs(spawned, line) ?? []),
    seen: parsedAs(seen, await text('seen.json')),
    coverage: await Promise.all(coverage.map((name) => text(join('coverage', name)))),
  };
}

/** What a file does that is a test without the runner's functions. */
const JUDGES = /\b(?:assert|expect|should|throw|fail|process\.exit)/i;

/** node:test counts a file that names no test as one that passed; it is one only where the file can fail. */
async function asTest(work: string, row: TestRow): Promise<TestRow> {
  const { file, name, state } = row;
  if (state !== 'passed' || file === '' || (file !== name && !file.endsWith(`/${name}`))) return row;
  const source = await readResult(work, name, MAX_SOURCE).catch(() => undefined);
  return source === undefined || JUDGES.test(`${source}`) ? row : { ...row, state: 'skipped' };
}

/** The runner's own report, or where it made none, the lines that it printed. */
function rowsOf(kind: SuitePlan['report'], report: string, stdout: string): TestRow[] {
  const rows =
    kind === 'junit'
      ? rowsOfJUnit(report)
      : kind === 'json'
        ? rowsOfJson(report)
        : kind === 'go'
          ? rowsOfGo(report)
          : [];
  if (rows.length > 0) return rows;
  const cargo = rowsOfCargo(stdout);
  return cargo.length > 0 ? cargo : rowsOfTap(stdout);
}

const coverageFiles = (work: string): Promise<string[]> =>
  readdir(join(work, OWN, 'coverage')).then(
    (names) => names.filter((name) => name.endsWith('.json')).slice(0, MAX_COVERAGE_FILES),
    () => [],
  );

function parsedAs<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
