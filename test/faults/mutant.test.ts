import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { enrol } from '../../servers/core/factory/create.ts';
import { startFactory } from '../harness.ts';
import { check } from './checker.ts';
import { settableClock } from './clock.ts';
import { readFinal } from './final.ts';
import { openHistory, readHistories } from './history.ts';
import type { Mutant } from './mutant.ts';
import { type Answer, type Seat, seatHere } from './seats.ts';
import { called } from './turns.ts';

const LAPSES = 3;
const BEAT = 0.2;
const TEN_LEASES_MS = BEAT * 3000 * 10;
const clock = settableClock();
/** Only grows: the clock of a process does not run backwards. */
let offset = 0;

/** Two sessions at one factory, in this process and by their own stores; a mutant is the build of one of them. */
async function twoSessions(builds: { first?: Mutant; second?: Mutant } = {}) {
  const { home, services } = await startFactory({
    servers: ['tasks', 'gates'],
    realTime: true,
    change: (definition: Record<string, never>) => {
      const { roles, lease } = definition as unknown as Definition;
      roles.developer.may = [...roles.developer.may.filter((right) => right !== 'memory:own'), 'task:plan'];
      Object.assign(lease, { beat: BEAT, lapses: LAPSES });
    },
  });
  const folder = await mkdtemp(join(tmpdir(), 'millwright-history-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { token } = JSON.parse(await readFile(await enrol(services, 'developer'), 'utf8'));
  const open = async (name: 'first' | 'second') =>
    sit(await seatHere({ home, token, mutant: builds[name] }), join(folder, `${name}.jsonl`));
  return {
    first: await open('first'),
    second: await open('second'),
    async violated() {
      const { violations } = check(await readHistories(folder), await readFinal(services.store.db, LAPSES));
      return new Set(violations.map(({ invariant }) => invariant));
    },
  };
}

/** A session loses its task to another one, and writes all the same; gives what came of it, and the violations. */
async function lateWrite(mutant?: Mutant) {
  const { first, second, violated } = await twoSessions(mutant && { first: mutant });
  await first('task_create', work('One'));
  await first('task_checkout', {});
  offset += TEN_LEASES_MS;
  clock.set(offset);
  while ((await second('task_checkout', {})).ending !== 'ok') await sleep(100);
  const late = await first('artifact_put', { name: 'note', media: 'text/plain', body: 'late' });
  return { late, violated: await violated() };
}

const work = (title: string) => ({ title, criteria: ['It is'], stops: ['It is not'], role: 'developer' });

interface Definition {
  roles: { developer: { may: string[] } };
  lease: object;
}

/** The calls of one session, each with a text of its own in its history. */
async function sit(seat: Seat, file: string) {
  const history = openHistory(file);
  onTestFinished(async () => {
    await seat.leave();
    history.close();
  });
  return (tool: string, args: Record<string, string | string[]>): Promise<Answer> => {
    const mark = String(args.title ?? args.body ?? '');
    const held = tool === 'artifact_put' ? { task: 1, fence: 1 } : undefined;
    return called({ seat, history }, tool, mark, args, held);
  };
}

test('a session that lost its task is told so, and nothing is violated', async () => {
  const { late, violated } = await lateWrite();

  expect(late.code).toBe('LEASE_LOST');
  expect(violated).toEqual(new Set());
});

test('a build that does not check the fence is caught', async () => {
  const { late, violated } = await lateWrite('fence');

  expect(late.ending).toBe('ok');
  expect(violated).toContain('stale-write');
});

test('a build that lets go of a living lease is caught', async () => {
  const { first, second, violated } = await twoSessions({ second: 'lease' });
  await first('task_create', work('One'));
  await first('task_checkout', {});

  while ((await second('task_checkout', {})).ending !== 'ok') await sleep(20);

  expect(await violated()).toContain('one-holder');
});

test('a build that acknowledges what it did not keep is caught', async () => {
  const { first, violated } = await twoSessions({ first: 'write' });

  for (let count = 0; count < 20; count++)
    expect((await first('task_create', work(`Number ${count}`))).ending).toBe('ok');

  expect(await violated()).toContain('lost');
});
