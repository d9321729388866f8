import type { KeyObject } from 'node:crypto';
import { expect } from 'vitest';
import { type Decision, decide, textToSign } from '../../../servers/core/checkpoints.ts';
import { ToolError } from '../../../servers/core/errors.ts';
import { beatLeases, leaseMs, sweep } from '../../../servers/core/leases.ts';
import { CHECKPOINT_NAMESPACE } from '../../../servers/core/signing/checkpoint_text.ts';
import { signSsh } from '../../../servers/core/signing/sshsig.ts';
import { expectWhole } from './invariants.ts';
import { type Role, stepNamed } from './line.ts';
import { callTool, entries, type Machine, type Step } from './machine.ts';
import * as m from './pipeline_model.ts';

type PipelineStep = Step<m.Model>;
type Run = PipelineStep['run'];

const QUESTION_MS = 0.05 * 3_600_000;

/** A step after which the whole store is compared with the model. */
const step = (says: string, run: Run): PipelineStep => ({
  check: () => true,
  toString: () => says,
  async run(model, real) {
    await run(model, real);
    await expectWhole(model, real);
  },
});

const sessionOf = (model: m.Model, role: Role) => model.sessions.get(role) ?? '';

/** A call that needs a held task: refused without one, else `work` says what must come of it. */
const working =
  (
    role: Role,
    work: (model: m.Model, real: Machine, task: m.ModelTask) => Promise<void>,
    tool: string,
    args: object,
  ): Run =>
  async (model, real) => {
    const session = sessionOf(model, role);
    const task = m.held(model, session);
    if (task) await work(model, real, task);
    else await callTool(real, session, tool, args, { code: m.refusedAs(model, session) });
  };

const MOST_PIPELINES = 3;
const begin: PipelineStep = { ...start(), check: ({ pipelines }) => pipelines.length < MOST_PIPELINES };
function start() {
  return step('start', async (model, real) => {
    const args = { pipeline: 'line', request: 'What somebody wants.' };
    const code = model.stopped ? 'LIMIT' : 'ok';
    await callTool(real, sessionOf(model, 'ceo'), 'pipeline_start', args, { code });
    if (model.stopped) return;
    const id = model.pipelines.length + 1;
    model.pipelines.push({ id, state: 'running' });
    m.addTasks(model, id, 1, 0);
  });
}

const checkout = (role: Role) =>
  step(`checkout(${role})`, async (model, real) => {
    const session = sessionOf(model, role);
    const ask = (code: string, swept = 0) => callTool(real, session, 'task_checkout', {}, { code, swept });
    if (model.stopped) return void (await ask('LIMIT'));
    if (m.held(model, session)) return void (await ask('ok'));
    const before = structuredClone(model.tasks);
    const swept = model.guard.mayEnd(model.now, model.lease / 3) ? m.sweepLeases(model) : 0;
    const task = m.claim(model, role, session);
    const answer = await ask(task ? 'ok' : 'NOT_FOUND', swept);
    if (task) expect(answer).toMatchObject({ value: { task: `T-${task.id}`, round: task.round } });
    else model.tasks = before; // a refused call changes nothing, not even what it swept on its way
  });

const leave = (role: Role, body: string) => {
  const args = (name: string) => ({ name, body });
  const put: Run = working(
    role,
    async (model, real, task) => {
      const [name] = stepNamed(task.step).writes;
      const code = name === undefined ? 'FORBIDDEN' : 'ok';
      const answer = await callTool(real, sessionOf(model, role), 'artifact_put', args(name ?? 'brief'), {
        code,
      });
      if (name === undefined) return;
      const { artifact } = (answer as { value: { artifact: string } }).value;
      model.documents.set(`${task.pipeline}/${name}`, { id: Number(artifact.slice(2)), body });
      model.left.add(`${task.id}/${task.fence}/${name}`);
    },
    'artifact_put',
    args('brief'),
  );
  return step(`leave(${role}, ${body})`, put);
};

const hand = (role: Role, outcome: 'done' | 'failed') => {
  const args = { summary: 'What was seen.', outcome };
  const complete: Run = working(
    role,
    async (model, real, task) => {
      const found = outcome === 'failed' ? 'failed' : m.judged(model, task);
      const code = found === 'open' ? 'GATE_CLOSED' : 'ok';
      await callTool(real, sessionOf(model, role), 'task_complete', args, { code });
      if (found === 'closed') m.completed(model, task);
      if (found === 'failed') m.failedPhase(model, task);
    },
    'task_complete',
    args,
  );
  return step(`${outcome === 'done' ? 'complete' : 'fail'}(${role})`, complete);
};

const giveUp = (role: Role, tool: 'task_return' | 'task_block') => {
  const args = { why: 'It cannot be done as it stands.' };
  const run: Run = working(
    role,
    async (model, real, task) => {
      await callTool(real, sessionOf(model, role), tool, args, { code: 'ok' });
      m.letGo(model, task, tool === 'task_return' ? 'ready' : 'blocked');
    },
    tool,
    args,
  );
  return step(`${tool}(${role})`, run);
};

const review = (verdict: 'accept' | 'reject') => {
  const args = (artifact: number) => ({ artifact: `A-${artifact}`, verdict, reasons: 'Read.' });
  const run: Run = working(
    'cto',
    async (model, real, task) => {
      const { id } = model.documents.get(`${task.pipeline}/draft`) as { id: number };
      await callTool(real, sessionOf(model, 'cto'), 'artifact_review', args(id), { code: 'ok' });
      model.verdicts.set(id, verdict);
    },
    'artifact_review',
    args(1),
  );
  return step(`review(${verdict})`, run);
};

const ask = (() => {
  const args = (artifact: number) => ({ name: 'brief', title: 'Well?', artifact: `A-${artifact}` });
  const run: Run = working(
    'ceo',
    async (model, real, task) => {
      const document = model.documents.get(`${task.pipeline}/brief`);
      const request = args(document?.id ?? 999_999);
      const code = document ? 'ok' : 'FORBIDDEN';
      const answer = await callTool(real, sessionOf(model, 'ceo'), 'checkpoint_request', request, { code });
      if (!document) return;
      const { pipeline } = task;
      const last = model.questions.filter((question) => question.pipeline === pipeline).at(-1);
      const isDecided = last?.state === 'approved' || last?.state === 'rejected';
      const stands = isDecided || (last?.state === 'open' && last.expiresAt > model.now);
      const isSame = last?.body === document.body;
      if (!last || !stands || !isSame) {
        if (last?.state === 'open') last.state = isSame ? 'expired' : 'void';
        const id = model.questions.length + 1;
        model.questions.push({
          id,
          pipeline,
          body: document.body,
          state: 'open',
          expiresAt: model.now + QUESTION_MS,
        });
      }
      const asked = model.questions.filter((question) => question.pipeline === pipeline).at(-1);
      expect(answer).toMatchObject({ value: { checkpoint: `C-${asked?.id}`, state: asked?.state } });
    },
    'checkpoint_request',
    args(1),
  );
  return step('ask', run);
})();

/** The human decides on one of the questions, the newest being the first. */
const answer = (key: KeyObject, decision: Decision, back: number): PipelineStep => ({
  ...step(`${decision}(${back} back)`, async (model, { services }) => {
    const question = model.questions.at(-1 - back) as m.Model['questions'][number];
    const { factory } = (await services.factory()).factory;
    const text = await textToSign(services.store.db, factory, question.id, decision);
    const signature = signSsh(text, key, CHECKPOINT_NAMESPACE);
    const said = await decide(services, { checkpoint: question.id, decision, human: 'ada', signature }).then(
      ({ state }) => state,
      (error) => (error instanceof ToolError ? error.rule : String(error)),
    );
    expect(said).toBe(decided(model, question, decision));
  }),
  check: (model) => model.questions.length > back,
});

function decided(model: m.Model, question: m.Model['questions'][number], decision: Decision): string {
  if (question.state === 'void') return 'checkpoint.edited';
  if (question.state === 'expired') return 'checkpoint.expired';
  if (question.state !== 'open') return 'checkpoint.replayed';
  const isLate = question.expiresAt <= model.now;
  const isReplaced = model.documents.get(`${question.pipeline}/brief`)?.body !== question.body;
  question.state = isLate
    ? 'expired'
    : isReplaced
      ? 'void'
      : decision === 'approve'
        ? 'approved'
        : 'rejected';
  return isLate ? 'checkpoint.expired' : isReplaced ? 'checkpoint.edited' : question.state;
}

const beat = (role: Role) =>
  step(`beat(${role})`, async (model, { services }) => {
    const session = sessionOf(model, role);
    const { factory } = await services.factory();
    const endsAt = model.now + leaseMs(factory);
    await services.store.transaction((tx) => beatLeases(tx, session, model.now, endsAt));
    for (const task of model.tasks)
      if (task.holder === session && task.endsAt > model.now) task.endsAt = endsAt;
  });

/** What the server does once a beat. */
const sweeper = step('sweep', async (model, real) => {
  const { store, factory } = real.services;
  const before = await entries(real, 'lease.expired');
  const definition = (await factory()).factory;
  const swept = await store.transaction((tx) => sweep(store, tx, definition, model.now));
  expect(swept).toHaveLength(m.sweepLeases(model));
  expect((await entries(real, 'lease.expired')) - before).toBe(swept.length);
});

/** The agent's process is gone and another one speaks for it. */
const crash = (role: Role) =>
  step(`crash(${role})`, async (model, real) => {
    model.sessions.set(role, await real.newSession(role));
  });

const advance = (leases: number) =>
  step(`advance(${leases} leases)`, async (model, { clock }) => {
    clock.advance(Math.round(model.lease * leases));
    model.now = clock.now();
  });

const stop = (stopped: boolean) =>
  step(stopped ? 'stop' : 'resume', async (model, { services: { store } }) => {
    const at = model.now;
    if (stopped && !model.stopped)
      await store.db.insertInto('kills').values({ scope: 'factory', reason: 'too dear', at }).execute();
    if (!stopped) await store.db.deleteFrom('kills').execute();
    model.stopped = stopped;
  });

/** Several steps in a row: without these few runs get far. */
const together = (says: string, all: readonly PipelineStep[]): PipelineStep => ({
  check: () => true,
  toString: () => says,
  async run(model, real) {
    for (const one of all) if (await one.check(model)) await one.run(model, real);
  },
});

/** As an agent works who works well. */
function turn(key: KeyObject, role: Role): PipelineStep {
  const between = {
    ceo: [leave('ceo', 'one'), ask, answer(key, 'approve', 0)],
    developer: [leave('developer', 'one')],
    qa: [],
    cto: [review('accept')],
    infra: [leave('infra', 'one')],
  }[role];
  return together(`turn(${role})`, [checkout(role), ...between, hand(role, 'done')]);
}

/** An agent that takes a task and does what it likes before it hands it in or gives it up. */
const wander = (role: Role, between: readonly PipelineStep[], last: PipelineStep) =>
  together(`wander(${role}: ${[...between, last].join(' ')})`, [checkout(role), ...between, last]);

/** The document is replaced after the human said yes to it, and handed in as if that were the same. */
const swap = (key: KeyObject) =>
  together('swap', [
    ...[begin, checkout('ceo'), leave('ceo', 'one'), ask, answer(key, 'approve', 0)],
    ...[leave('ceo', 'two'), hand('ceo', 'done')],
  ]);

/** A phase fails while tasks beside the one that failed are blocked, and held. */
const failAmong = (key: KeyObject) =>
  together('fail among others', [
    ...[begin, turn(key, 'ceo'), turn(key, 'developer'), checkout('cto')],
    ...[checkout('qa'), giveUp('qa', 'task_block'), review('reject'), hand('cto', 'done')],
  ]);

/** An agent that takes a task and says that its phase does not hold. */
const spoil = (role: Role) => together(`spoil(${role})`, [checkout(role), hand(role, 'failed')]);

/** An agent that takes a task and is never heard of until its lease is over. */
const fallAsleep = (role: Role) =>
  together(`fall asleep(${role})`, [checkout(role), advance(0.4), advance(0.4), advance(0.4), sweeper]);

export const STEPS = (key: KeyObject) => ({
  begin,
  checkout,
  leave,
  hand,
  giveUp,
  review,
  ask,
  answer: (decision: Decision, back: number) => answer(key, decision, back),
  beat,
  crash,
  advance,
  stop,
  sweeper,
  spoil,
  swap: swap(key),
  failAmong: failAmong(key),
  wander,
  fallAsleep,
  turn: (role: Role) => turn(key, role),
});
