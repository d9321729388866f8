import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkOut, type HostileCase, type PlantedCase } from '../corpus/corpus.ts';
import { millwrightQa, type Ran } from './command.ts';
import { canary, leftFiles, leftProcesses, listening, peakMemory } from './watch.ts';

/** The command itself may take this much memory, whatever a suite writes. */
const MEMORY_BYTES = 1_000 << 20;
/** What a suite left has this long to be gone. */
const SETTLE_MS = 10_000;
/** What the attacks leave when they succeed: the names that their files and processes have. */
const LEFT_FILE = 'outside-4a7c.txt';
const LEFT_PROCESSES = ['left-behind-4a7c', 'bomb.sh', 'yes.mjs'];

/** What would be said against the sound suite beside if the attack reached it. */
const SUITE_CLASSES = ['no-tests', 'failing-test', 'flaky-test', 'hostile'];

/** How one hostile project ended. `ok`: FAIL with a reason of the expected class, and no harm that we watch for. */
export interface HostileScore {
  id: string;
  ok: boolean;
  verdict: string;
  reason: string;
  harm: string[];
  ms: number;
}

interface HostileOptions {
  /** A sound project whose suite runs beside, and must end with its own result. */
  neighbour: PlantedCase;
  seconds: number;
  signal: AbortSignal;
}

/**
 * Has the command test a project that attacks it, under watch: ports of loopback, canaries in the environment and in
 * a state folder, files outside, processes that stay, memory, time, and another test beside it.
 */
export async function playHostile(hostile: HostileCase, options: HostileOptions): Promise<HostileScore> {
  const room = await mkdtemp(join(tmpdir(), 'stranger-'));
  const ports = await listening();
  const secret = await canary(room);
  try {
    const folder = join(room, 'above', 'product');
    await mkdir(join(room, 'above'));
    await checkOut({ dir: hostile.dir, auth: undefined, parent: undefined }, folder);
    const memory = peakMemory();
    const { seconds, signal } = options;
    const run = millwrightQa(folder, {
      out: join(room, 'out'),
      env: secret.env,
      seconds,
      signal,
      started: memory.watch,
    });
    const beside = watches(hostile, 'tasks') ? neighbourOf(room, options) : undefined;
    const [ran, neighbour] = await Promise.all([run, beside]);
    const left = await goneWithin(SETTLE_MS, () => leftProcesses(LEFT_PROCESSES), signal);
    const harm = [
      ...ports.called().map((port) => `port ${port} was called`),
      ...(await secret.seenIn([ran.output, join(room, 'out')])).map((name) => `${name} came out`),
      ...(await leftFiles(LEFT_FILE, [room, join(room, 'above')])).map((path) => `${path} was written`),
      ...left.map((name) => `a process of ${name} is left`),
      ...(memory.peak() > MEMORY_BYTES ? [`the command took ${memory.peak() >> 20} MiB`] : []),
      ...late(hostile, ran),
      ...(neighbour ? disturbed(neighbour) : []),
    ];
    return judged(hostile, ran, harm);
  } finally {
    await ports.close();
    await rm(room, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** FAIL counts when a confirmed finding of the expected class says why; what it says is printed for a person. */
export function judged(
  { id, expect }: Pick<HostileCase, 'id' | 'expect'>,
  { report, fault, ms }: Pick<Ran, 'report' | 'fault' | 'ms'>,
  harm: readonly string[],
): HostileScore {
  const finding = report?.findings.find((one) => one.class === expect.class && one.confirmed);
  const others = (report?.findings ?? []).map((one) => one.class);
  const without =
    fault ?? `no finding of ${expect.class}${others.length > 0 ? `, but ${others.join(', ')}` : ''}`;
  return {
    id,
    ok: report?.verdict === 'FAIL' && finding !== undefined && harm.length === 0,
    verdict: report?.verdict ?? 'none',
    reason: finding ? finding.what.slice(0, 200) : without,
    harm: [...harm],
    ms,
  };
}

const watches = ({ observe }: HostileCase, of: string): boolean => observe.some((one) => one.of === of);

/** The bound of a run is that of the check that ran the suite, where there is one: loading the command is no harm. */
function late({ observe }: HostileCase, { report, ms }: Ran): string[] {
  const bounds = observe.flatMap(({ of, within }) => (of === 'run' && within !== undefined ? [within] : []));
  const suite = report?.checks.find(({ name }) => name === 'suite');
  const seconds = Math.round((suite?.ms ?? ms) / 1_000);
  return bounds.filter((bound) => seconds > bound).map((bound) => `it took ${seconds} s of ${bound}`);
}

/** The suite of the test beside is sound: whatever is said against it came from the attack. */
function disturbed({ report, fault }: Ran): string[] {
  const against = report?.findings.find((one) => SUITE_CLASSES.includes(one.class));
  const why = fault ?? (against && `${against.class}: ${against.what}`);
  return why === undefined ? [] : [`the test beside ended with ${why.slice(0, 200)}`];
}

async function neighbourOf(room: string, { neighbour, seconds, signal }: HostileOptions): Promise<Ran> {
  const folder = join(room, 'neighbour');
  await checkOut(neighbour, folder);
  return millwrightQa(folder, { out: join(room, 'neighbour-out'), seconds, signal });
}

async function goneWithin(ms: number, left: () => Promise<string[]>, signal: AbortSignal): Promise<string[]> {
  const end = Date.now() + ms;
  for (;;) {
    const names = await left();
    if (names.length === 0 || Date.now() > end) return names;
    await sleep(500, undefined, { signal });
  }
}
