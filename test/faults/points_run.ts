import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { execa, type ResultPromise } from 'execa';
import { readRuntimeInfo } from '../../servers/core/target/local/runtime_info.ts';
import type { Kind, OperationName, Point } from './points.ts';
import { type Agent, environmentOf, programOf, startAgent } from './points_agent.ts';
import { type End, readEnd } from './points_end.ts';
import { finish, OPERATIONS } from './points_operations.ts';
import type { Watch } from './points_preload.ts';
import type { Stage } from './points_stage.ts';
import { BEGUN, ENDED } from './points_steps.ts';

export interface Outcome {
  /** The steps that the watched process did, in order. */
  steps: string[];
  died: boolean;
  end: End;
}

/** How long a process may take to die once its operation is answered or broken off. */
const DYING_MS = 3000;
/** What a server does by itself after it was started has been done by then: its first beat. */
const SETTLED_MS = 250;

/** Does one operation on a fresh factory, with the process of this kind killed at `at`, and recovers. */
export async function runOperation(
  stage: Stage,
  { operation, kind, at }: { operation: OperationName; kind: Kind; at?: Point['at'] },
): Promise<Outcome> {
  await stage.reset();
  const trace = join(stage.home, '..', '..', 'trace');
  await rm(trace, { force: true });
  const watch: Watch = { home: stage.home, trace, at, atOnce: kind === 'cli' || kind === 'runtime' };
  const died =
    operation === 'approve' ? await approved(stage, watch) : await acted(stage, operation, kind, watch);
  await stage.stop();
  const lines = (await readFile(trace, 'utf8').catch(() => '')).split('\n');
  return {
    steps: lines.filter((line) => line && line !== BEGUN && line !== ENDED),
    died,
    end: await readEnd(stage.home),
  };
}

/** A watched process that was started beside the agent's own. */
interface Victim {
  pid: number;
  stop(): Promise<unknown>;
}

async function acted(
  stage: Stage,
  name: Exclude<OperationName, 'approve'>,
  kind: Kind,
  watch: Watch,
): Promise<boolean> {
  const operation = OPERATIONS[name];
  const beside =
    kind === 'daemon' ? await startDaemon(watch) : kind === 'runtime' ? await startRuntime(watch) : undefined;
  let agent = await startAgent(stage.home, operation.agent, kind === 'stdio' ? watch : undefined);
  try {
    const task = stage.tasks[operation.task];
    const victim = beside?.pid ?? agent.pid;
    await agent.ok(name === 'checkout' ? 'task_show' : 'task_checkout', { task });
    const from = (await operation.before?.(agent, stage)) ?? '';
    if (!watch.atOnce) await signalled(victim, watch, BEGUN);
    const ended = await operation.act(agent, stage, from).then(
      () => 'answered',
      (error: Error) => error.message,
    );
    const died = watch.at !== undefined && (await diesSoon(victim));
    if (!died && ended !== 'answered') throw new Error(`${name} failed though nothing died: ${ended}`);
    if (!died) await signalled(victim, watch, ENDED);
    else {
      if (kind === 'stdio') {
        await agent.close();
        expireLeases(stage.home, 'holder is not null');
        agent = await startAgent(stage.home, operation.agent);
      } else if (kind === 'daemon') expireLeases(stage.home, "kind <> 'task'");
      if (ended !== 'answered') await again(agent, stage, name);
    }
    await finish(agent, task);
    return died;
  } finally {
    await agent.close();
    await beside?.stop();
  }
}

/** What an agent does that does not know whether its call was done: takes its task again, and calls again. */
async function again(agent: Agent, stage: Stage, name: Exclude<OperationName, 'approve'>): Promise<void> {
  const operation = OPERATIONS[name];
  const task = stage.tasks[operation.task];
  const taken = await agent.call('task_checkout', { task });
  if (taken.refused && !/ is done/.test(taken.text)) throw new Error(`the task is lost: ${taken.text}`);
  if (name === 'checkout' || taken.refused) return;
  await swept(stage.home);
  const from = (await operation.before?.(agent, stage)) ?? '';
  await operation.act(agent, stage, from).catch((error: Error) => {
    if (!operation.done?.test(error.message)) throw error;
  });
}

/** Begins or ends the counting, and waits until the process says so. */
async function signalled(pid: number, { trace }: Watch, says: string): Promise<void> {
  await sleep(SETTLED_MS);
  process.kill(pid, 'SIGUSR2');
  for (let waits = 0; waits < 500; waits++) {
    if ((await readFile(trace, 'utf8').catch(() => '')).split('\n').includes(says)) return;
    await sleep(10);
  }
  throw new Error('the process does not begin to count');
}

async function diesSoon(pid: number): Promise<boolean> {
  for (const until = performance.now() + DYING_MS; performance.now() < until; await sleep(10))
    if (!lives(pid)) return true;
  return false;
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Time passes: what dead processes held is free. */
function expireLeases(home: string, which: string): void {
  const database = new Database(join(home, 'store.sqlite'), { timeout: 5000 });
  database.exec(`update leases set ends_at = 1 where holder is not null and ${which}`);
  database.close();
}

/** Waits until a server that lives gave back what {@link expireLeases} ended. */
async function swept(home: string): Promise<void> {
  const database = new Database(join(home, 'store.sqlite'), { timeout: 5000 });
  const left = database.prepare('select count(*) from leases where holder is not null and ends_at = 1');
  for (let waits = 0; waits < 500 && left.pluck().get() !== 0; waits++) await sleep(20);
  database.close();
}

async function startDaemon(watch: Watch): Promise<Victim> {
  const [file = '', ...args] = programOf('bin/millwright.cjs', watch);
  const up = execa(file, [...args, 'up', '--port', '0', '--json'], {
    env: environmentOf(watch.home, watch),
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  const serves = new Promise((resolve) => up.stdout.once('data', resolve));
  await Promise.race([
    serves,
    up.then(({ stderr }) => {
      throw new Error(`up ended: ${stderr}`);
    }),
  ]);
  return { pid: up.pid ?? 0, stop: () => stopped(up) };
}

/** The runtime of the local target; resolves when it serves, or is dead. */
async function startRuntime(watch: Watch): Promise<Victim> {
  const dir = join(watch.home, 'targets', 'local');
  const [file = '', ...args] = programOf('dist/runtime.js', watch);
  const runtime = execa(file, [...args, dir], {
    env: environmentOf(watch.home, watch),
    extendEnv: false,
    reject: false,
    stdio: 'ignore',
  });
  const pid = runtime.pid ?? 0;
  while (lives(pid) && (await readRuntimeInfo(dir))?.pid !== pid) await sleep(20);
  return { pid, stop: () => stopped(runtime) };
}

async function stopped(process: Pick<ResultPromise, 'kill'> & PromiseLike<unknown>): Promise<void> {
  process.kill('SIGTERM');
  await process;
}

/** The human's own command; a second time it may say that it was decided already. */
async function approved(stage: Stage, watch: Watch): Promise<boolean> {
  const run = async (watched?: Watch) => {
    const [file = '', ...args] = programOf('bin/millwright.cjs', watched);
    const command = ['approve', stage.checkpoint, '--human', 'ada', '--signature', stage.signature, '--json'];
    return execa(file, [...args, ...command], {
      env: environmentOf(stage.home, watched),
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
    });
  };
  const first = await run(watch);
  const died = first.signal === 'SIGKILL';
  if (!died && first.exitCode !== 0) throw new Error(`approve failed: ${first.stderr}`);
  if (!died) return false;
  const second = await run();
  if (second.exitCode !== 0 && !/already/.test(second.stdout + second.stderr)) throw new Error(second.stderr);
  return true;
}

/** Where a run that lost a process ends otherwise than one that did not; none when it recovered. */
export function differences(whole: Outcome, killed: Outcome): string[] {
  if (!killed.died) return ['the process did not come to this point'];
  return Object.entries(whole.end).flatMap(([name, expected]) => {
    const [wanted, found] = [lines(expected), lines(killed.end[name])];
    const more = found.filter((line) => !wanted.includes(line)).map((line) => `${name}: + ${line}`);
    const less = wanted.filter((line) => !found.includes(line)).map((line) => `${name}: - ${line}`);
    return [...more, ...less];
  });
}

const lines = (value: unknown): string[] =>
  Array.isArray(value) ? value.map((line) => JSON.stringify(line)) : [JSON.stringify(value)];
