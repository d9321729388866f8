import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { buildOnce, openDesk } from '../cli/command.ts';
import { newLocation, onPostgres } from '../store/stores.ts';
import { command, makeFactory, openSession, type Session, startMachine } from './machines.ts';

beforeAll(buildOnce);

const BEAT_SECONDS = 2;
/** How many tasks there are for each role, and which sessions do them. */
const WORK = {
  developer: { tasks: 24, agents: ['developer', 'developer-2', 'developer', 'developer-2'] },
  qa: { tasks: 8, agents: ['qa', 'qa'] },
  'principal-engineer': { tasks: 8, agents: ['principal-engineer', 'principal-engineer'] },
  trend: { tasks: 4, agents: ['trend'] },
} as const;

interface Told {
  task: string;
  /** Milliseconds from when its end was answered, or from when the wait began, until the waiter knew. */
  late: number;
}

test('three servers on one database: one is killed and one drained, and every task is done exactly once', async ({
  signal,
}) => {
  const desk = await openDesk();
  const database = await newLocation('postgres');
  await makeFactory(desk, database, BEAT_SECONDS);
  const machines = await Promise.all([0, 1, 2].map(() => startMachine(desk, database)));
  const [first, second, third] = machines;
  if (!first || !second || !third) throw new Error('Three were started.');
  const open = (agent: string, at: number) => openSession(desk, machines, agent, at);
  const [ceo, coo, keeper] = await Promise.all([open('ceo', 2), open('coo', 0), open('infra', 0)]);
  const held = await create(ceo, 'infra');
  await keeper.call('task_checkout');
  const before = await onPostgres(database, (db) => holding(db, keeper));

  const ended = new Map<string, number>();
  const quiet = await oneInQuiet(ceo, await open('cmo', 1));
  const tasks: string[] = [];
  for (const [role, { tasks: count }] of Object.entries(WORK))
    for (let index = 0; index < count; index++) tasks.push(await create(ceo, role));
  const workers = await Promise.all(
    Object.values(WORK).flatMap(({ agents }) => agents.map((agent, index) => open(agent, index))),
  );
  const halves = [tasks.filter((_, at) => at % 2 === 0), tasks.filter((_, at) => at % 2 === 1)] as const;
  const working = Promise.all(workers.map((worker) => work(worker, tasks.length, ended)));
  const waiting = Promise.all([waitFor(ceo, halves[0], ended), waitFor(coo, halves[1], ended)]);

  await Promise.race([working, enough(ended, tasks.length / 4, signal)]);
  first.process.kill('SIGKILL');
  const goesOn = await keeper.call('agent_heartbeat', { progress: 'Still at it.' });
  const afterKill = await onPostgres(database, (db) => holding(db, keeper));
  await Promise.race([working, enough(ended, tasks.length / 2, signal)]);
  second.process.kill('SIGTERM');
  await working;
  const told = (await waiting).flat();
  const kept = await keeper.call('task_complete', { summary: 'kept through it all' });

  expect(before).toMatchObject({ holder: keeper.id, subject: Number(held.slice(2)), fence: 1 });
  expect([goesOn.isError, goesOn.text]).toEqual([false, expect.stringContaining(held)]);
  expect(afterKill).toEqual(before);
  expect([kept.isError, kept.text]).toEqual([false, expect.stringContaining(held)]);
  expect((await second.process).exitCode).toBe(0);
  expect(quiet.late).toBeLessThan(1000);
  expect(told.map(({ task }) => task).sort()).toEqual([...tasks].sort());
  expect(told.filter(({ late }) => late > 2000)).toEqual([]);
  await onPostgres(database, async (db) => {
    expect(await completions(db)).toEqual([held, quiet.task, ...tasks].map((task) => ({ task, times: 1 })));
    const open = await db.query(`select count(*)::int as n from sessions where ended_at is null`);
    expect(open.rows[0].n).toBe(4 + workers.length);
  });
  expect((await command(desk, database, ['record', 'verify'])).json).toMatchObject({
    ok: true,
    verified: true,
  });
  third.process.kill('SIGTERM');
  expect((await third.process).exitCode).toBe(0);
}, 60_000);

async function create(ceo: Session, role: string): Promise<string> {
  const task = { title: `For ${role}`, criteria: ['It is done'], stops: ['It is not'], role };
  const { isError, text, value } = await ceo.call('task_create', task);
  if (isError) throw new Error(text);
  return value.task ?? '';
}

/** One waits at a server where nothing else happens while another, at another server, ends the task. */
async function oneInQuiet(ceo: Session, worker: Session): Promise<Told> {
  const task = await create(ceo, worker.agent);
  await worker.call('task_checkout');
  const ended = new Map<string, number>();
  const waiting = waitFor(ceo, [task], ended);
  await sleep(300);
  await worker.call('task_complete', { summary: 'done as asked' });
  ended.set(task, Date.now());
  const [told] = await waiting;
  return told ?? { task, late: Number.POSITIVE_INFINITY };
}

/** Does tasks until all of the factory are done; a completion whose answer was lost is asked for again. */
async function work(session: Session, total: number, ended: Map<string, number>): Promise<void> {
  while (ended.size < total) {
    const taken = await session.call('task_checkout');
    if (taken.isError) {
      await sleep(100);
      continue;
    }
    await sleep(30);
    const done = await session.call('task_complete', { summary: 'done as asked' });
    if (done.isError && !done.text.startsWith('CONFLICT: You hold no task')) throw new Error(done.text);
    ended.set(taken.value.task ?? '', Date.now());
  }
}

async function waitFor(session: Session, tasks: readonly string[], ended: Map<string, number>) {
  const told: Told[] = [];
  for (const task of tasks) {
    const since = Date.now();
    let answer = await session.call('task_wait', { task, seconds: 20 });
    while (answer.value.still_waiting) answer = await session.call('task_wait', { task, seconds: 20 });
    const now = Date.now();
    told.push({ task, late: now - Math.max(since, ended.get(task) ?? now) });
  }
  return told;
}

async function enough(ended: Map<string, number>, count: number, signal: AbortSignal): Promise<void> {
  while (ended.size < count) await sleep(20, undefined, { signal });
}

async function holding(db: pg.Client, { id }: Session) {
  const { rows } = await db.query(`select holder, subject::int, fence::int from leases where holder = $1`, [
    id,
  ]);
  return rows[0];
}

/** How often the record has each task completed, in the order of their ids. */
async function completions(db: pg.Client): Promise<{ task: string; times: number }[]> {
  const { rows } = await db.query(
    `select 'T-' || t.id as task, count(a.seq)::int as times
     from tasks t left join activity a
       on a.subject = 'task:' || t.id and a.tool = 'task_complete' and a.event = 'call'
     where t.state = 'done' group by t.id order by t.id`,
  );
  return rows;
}
