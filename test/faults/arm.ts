import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dialect } from '../../servers/core/store/migrate.ts';
import { type Base, inFactory, LEASE_MS, openBase, SETTLE_MS } from './base.ts';
import { check, type Finding } from './checker.ts';
import { hire } from './crew.ts';
import type { FactoryActions } from './factory.ts';
import { isAnswer, monotonic, type Op, readHistories, workerOf } from './history.ts';
import type { Mutant } from './mutant.ts';
import { type Field, type Harm, NEMESES } from './nemeses.ts';
import { seeded } from './random.ts';
import type { ServerOptions } from './server.ts';
import type { Assignment } from './worker.ts';

/** One run: one store, eight processes or as many as are asked for, and harm until the time is over. */
export interface Arm {
  dialect: Dialect;
  /** Whether workers are clients of two servers, instead of opening the store themselves. */
  http: boolean;
  seed: number;
  seconds: number;
  workers: number;
  nemeses: readonly string[];
  /** What is wrong with the build that the workers run; only where they open the store themselves. */
  mutant?: Mutant | undefined;
  signal: AbortSignal;
  /** Told of each fault as it begins. */
  progress(line: string): void;
}

export interface Fault extends Harm {
  name: string;
  from: number;
  to: number;
}

export interface Outcome extends Finding {
  ops: Op[];
  faults: Fault[];
  /** What the processes wrote to stderr. */
  log: string;
}

/** Runs one arm to its end and checks it. Nothing of it is left behind, whatever happens. */
export async function runArm(arm: Arm): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-faults-'));
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    return await inFolder(arm, folder, undo);
  } finally {
    for (const step of undo.reverse()) await step().catch((error) => arm.progress(`cleaning up: ${error}`));
  }
}

async function inFolder(arm: Arm, folder: string, undo: (() => Promise<unknown>)[]): Promise<Outcome> {
  const paths = {
    home: join(folder, 'home'),
    histories: join(folder, 'histories'),
    log: join(folder, 'log'),
  };
  await mkdir(paths.histories);
  const base = await openBase(arm, paths.home, undo);
  const work = <A extends keyof FactoryActions>(action: A) =>
    inFactory(action, base, {
      home: paths.home,
      answer: join(folder, `${action}.json`),
      cancelSignal: arm.signal,
    });
  const crew = hire();
  undo.push(() => crew.end());
  await staff(crew, arm, base, paths, await work('setup'));
  const { members } = crew;
  const workers = members.map(({ name }) => name).filter((name) => name.startsWith('w'));
  const silentSince = (since: number) => untilAnswered(arm, paths.histories, workers, since);

  const absent = await silentSince(0);
  if (absent.length > 0) throw new Error(`${absent} did not start: ${await readFile(paths.log, 'utf8')}`);
  const faults = await harm(arm, {
    ...base,
    home: paths.home,
    shrink: () => work('shrink'),
    members,
    fleet: arm.http ? members.filter(({ name }) => !workers.includes(name)) : members,
    leaseMs: LEASE_MS,
    random: seeded(arm.seed),
    signal: arm.signal,
  });
  for (const member of members) member.tell('drain');
  const [left, silent] = await Promise.all([work('settle'), silentSince(monotonic())]);
  await crew.end();

  const ops = await readHistories(paths.histories);
  const finding = check(ops, await work('final'));
  const stuck = [
    ...silent.map((name) => `${name} had no answer in ${SETTLE_MS} ms`),
    ...(left > 0 ? [`${left} tasks are still open after ${SETTLE_MS} ms`] : []),
  ];
  finding.violations.push(...stuck.map((says) => ({ invariant: 'progress' as const, says, lines: [] })));
  return { ...finding, ops, faults, log: await readFile(paths.log, 'utf8').catch(() => '') };
}

/** Starts the workers, and the servers when they work over HTTP. */
async function staff(
  crew: ReturnType<typeof hire>,
  arm: Arm,
  { room: { enter }, databaseUrl }: Base,
  { home, histories, log }: { home: string; histories: string; log: string },
  token: string,
): Promise<void> {
  const ports = arm.http ? [await freePort(), await freePort()] : [];
  for (const [index, port] of ports.entries()) {
    const argument = (): ServerOptions => ({ home, databaseUrl, port });
    crew.add({ name: `server-${index + 1}`, program: 'server', enter, argument, log });
  }
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  for (let index = 1; index <= arm.workers; index++) {
    const argument = (life: number): Assignment => ({
      home,
      databaseUrl,
      token,
      ...(arm.http && { urls }),
      ...(arm.mutant && { mutant: arm.mutant }),
      history: join(histories, `w${index}.${life}.jsonl`),
      name: `w${index}.${life}`,
      seed: arm.seed * 1000 + index * 100 + life,
      leaseMs: LEASE_MS,
    });
    crew.add({ name: `w${index}`, program: 'worker', enter, argument, log });
  }
}

/** Waits until the store answered every worker since a moment; gives those that it did not answer in time. */
async function untilAnswered(
  { signal }: Arm,
  histories: string,
  workers: readonly string[],
  since: number,
): Promise<string[]> {
  for (const end = performance.now() + SETTLE_MS; ; await sleep(200, undefined, { signal })) {
    const ops = await readHistories(histories);
    const heard = new Set(ops.filter((op) => op.from > since && isAnswer(op)).map(workerOf));
    const silent = workers.filter((name) => !heard.has(name));
    if (silent.length === 0 || performance.now() > end) return silent;
  }
}

/** Goes through the nemeses in a random order, again and again, with a pause after each. */
async function harm(arm: Arm, field: Field): Promise<Fault[]> {
  const until = performance.now() + arm.seconds * 1000;
  const faults: Fault[] = [];
  const known = NEMESES[arm.dialect];
  while (performance.now() < until) {
    const turn = arm.nemeses.toSorted(() => field.random() - 0.5);
    for (const name of turn) {
      if (performance.now() > until) break;
      arm.signal.throwIfAborted();
      const from = monotonic();
      const nemesis = known[name];
      if (!nemesis) throw new Error(`There is no nemesis ${name} on ${arm.dialect}.`);
      const done = await nemesis(field);
      faults.push({ name, ...done, from, to: monotonic() });
      arm.progress(`${name} ${done.detail}`);
      await sleep(300 + 1200 * field.random(), undefined, { signal: arm.signal });
    }
  }
  return faults;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
