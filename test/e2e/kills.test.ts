import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Actor } from '../../rehearsal/actor.ts';
import { must, type Stage, setStage } from '../../rehearsal/stage.ts';
import { seeded } from '../faults/random.ts';
import { leftovers } from './leftovers.ts';

const KILLS = 20;
const SEED = 20_261_121;
const FOUR_BEATS_MS = 4 * 1000;

/** What servers answered to; all of it must be there at the end. */
interface Acknowledged {
  created: string[];
  completed: string[];
  artifacts: string[];
}

test('twenty SIGKILLs at random moments lose nothing that was acknowledged and leave nothing behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-kills-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const over = new AbortController();
  const stage = await setStage({
    factory: 'c-suite',
    keep: join(folder, 'stage'),
    signal: new AbortController().signal,
  });
  const acknowledged: Acknowledged = { created: [], completed: [], artifacts: [] };
  const alive = new Map<string, Actor>();

  await startRuntime(stage);
  const work = Promise.all([
    keepAlive(stage, 'ceo', alive, over.signal, (ceo) => create(ceo, acknowledged)),
    keepAlive(stage, 'developer', alive, over.signal, (developer) => finishOne(developer, acknowledged)),
    keepAlive(stage, 'developer-2', alive, over.signal, (developer) => finishOne(developer, acknowledged)),
  ]);
  const killed = await killAtRandom(alive, KILLS);
  await sleep(1000);
  over.abort();
  await work;

  expect(killed).toBe(KILLS);
  expect(acknowledged.created.length).toBeGreaterThan(10);
  expect(acknowledged.completed.length).toBeGreaterThan(5);
  const reader = await stage.actor('coo');
  for (const task of acknowledged.created) await reader.do('task_show', { task });
  for (const task of acknowledged.completed)
    expect((await reader.do('task_show', { task })).state).toBe('done');
  for (const artifact of acknowledged.artifacts) await reader.do('artifact_get', { artifact });
  await sleep(FOUR_BEATS_MS);
  const status = await must(stage.millwright(['status']), 'status');
  expect(status.json.running).toEqual([]);
  expect((await must(stage.millwright(['record', 'verify']), 'record')).json).toMatchObject({
    ok: true,
    verified: true,
  });

  await stage.close();
  expect(await leftovers(folder)).toEqual([]);
}, 180_000);

/** A workerd and the process that hosts it run meanwhile, so that something could be left behind. */
async function startRuntime(stage: Stage): Promise<void> {
  const [ceo, infra, cto] = await Promise.all(['ceo', 'infra', 'cto'].map((agent) => stage.actor(agent)));
  if (!ceo || !infra || !cto) throw new Error('The c-suite has changed.');
  for (const role of ['infra', 'cto']) {
    await ceo.do('task_create', {
      title: 'A database',
      criteria: ['It is there'],
      stops: ['It is not'],
      role,
    });
  }
  await infra.do('task_checkout');
  await cto.do('task_checkout');
  const resources = [{ kind: 'd1', name: 'kept' }];
  const { plan, digest } = await infra.do('infra_propose', { product: 'kept', target: 'local', resources });
  await cto.do('infra_review', { plan, digest, verdict: 'accept', reasons: 'One database.' });
  await infra.do('infra_apply', { plan });
  for (const actor of [infra, cto]) {
    await actor.do('memory_write', { entries: [{ kind: 'fact', text: 'The database "kept" is there.' }] });
    await actor.do('task_complete', { summary: 'the database is there' });
  }
  for (const agent of ['ceo', 'infra', 'cto']) await stage.end(agent);
}

/** Runs `turn` again and again as one agent, whose host starts its servers anew when they die. */
async function keepAlive(
  stage: Stage,
  agent: string,
  alive: Map<string, Actor>,
  over: AbortSignal,
  turn: (actor: Actor) => Promise<void>,
): Promise<void> {
  while (!over.aborted) {
    const actor = await stage.session(agent).catch(() => undefined);
    if (!actor) continue;
    try {
      while (!over.aborted) {
        await turn(actor);
        alive.set(agent, actor);
      }
    } catch (error) {
      if (!/closed|not connected/i.test(String(error))) throw error;
    } finally {
      alive.delete(agent);
      await actor.close();
    }
  }
}

async function create(ceo: Actor, acknowledged: Acknowledged): Promise<void> {
  const { task } = await ceo.do('task_create', {
    title: 'One of many',
    criteria: ['It is done'],
    stops: ['It is not'],
    role: 'developer',
  });
  acknowledged.created.push(task);
  await sleep(20);
}

async function finishOne(developer: Actor, acknowledged: Acknowledged): Promise<void> {
  const taken = await developer.call('task_checkout');
  if (taken.refused) return void (await sleep(50));
  const left = await developer.do('artifact_put', {
    name: 'note',
    media: 'text/markdown',
    body: `about ${taken.value.task}`,
  });
  acknowledged.artifacts.push(left.artifact);
  await developer.do('memory_write', {
    entries: [{ kind: 'fact', text: `Task ${taken.value.task} has its note.` }],
  });
  await developer.do('task_complete', { summary: 'done as asked' });
  acknowledged.completed.push(taken.value.task);
}

async function killAtRandom(alive: Map<string, Actor>, times: number): Promise<number> {
  const random = seeded(SEED);
  let killed = 0;
  for (let tries = 0; killed < times && tries < times * 40; tries++) {
    await sleep(100 + random() * 400);
    const victims = [...alive.values()];
    const victim = victims[Math.floor(random() * victims.length)];
    if (!victim) continue;
    alive.delete(victim.agent);
    process.kill(victim.pid, 'SIGKILL');
    killed++;
  }
  return killed;
}
