import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { openLocalTarget } from '../../servers/core/target/local/local.ts';
import { insertTask } from '../../servers/tasks/queries.ts';
import { type Agent, startFactory, type TestFactory } from '../harness.ts';

const WANTED = {
  product: 'notes',
  target: 'local',
  resources: [
    { kind: 'worker', name: 'notes' },
    { kind: 'd1', name: 'notes' },
  ],
};

interface Setting {
  factory: TestFactory;
  infra: Agent;
  cto: Agent;
}

async function setting(): Promise<Setting> {
  const factory = await startFactory({ servers: ['tasks', 'provision'] });
  const { services } = factory;
  await services.store.transaction((tx) =>
    insertTask(tx, {
      title: 'Infrastructure',
      description: '',
      criteria: ['It exists'],
      stops: ['It cannot'],
      role: 'infra',
      priority: 1,
      needs: [],
      createdBy: 'test',
      now: services.clock.now(),
    }),
  );
  const infra = await factory.agent('infra');
  await infra.ok('task_checkout');
  return { factory, infra, cto: await factory.agent('cto') };
}

const local = (factory: TestFactory) => openLocalTarget({ dir: join(factory.home, 'targets', 'local') });
const review = (plan: { plan: string; digest: string }, verdict = 'accept') => ({
  plan: plan.plan,
  digest: plan.digest,
  verdict,
  reasons: 'Exactly what the spec stores.',
});

async function ruleOf(factory: TestFactory, tool: string): Promise<string[]> {
  const rows = await factory.services.store.db
    .selectFrom('activity')
    .select('rule')
    .where('tool', '=', tool)
    .where('rule', '<>', '')
    .orderBy('seq')
    .execute();
  return rows.map(({ rule }) => rule);
}

test('proposed by one, approved by another over its digest, applied once, and told', async () => {
  const { factory, infra, cto } = await setting();

  const plan = await infra.ok<{ plan: string; digest: string }>('infra_propose', WANTED);
  expect(plan).toMatchObject({
    plan: 'I-1',
    changes: [
      { action: 'create', kind: 'worker', name: 'notes' },
      { action: 'create', kind: 'd1', name: 'notes' },
    ],
    cost: expect.stringContaining('Nothing'),
  });
  expect(await cto.ok('infra_review', review(plan))).toMatchObject({ state: 'approved' });
  const applied = await infra.ok<{ resources: object[] }>('infra_apply', { plan: 'I-1' });
  expect(applied.resources).toMatchObject([
    { kind: 'worker', name: 'notes', created: true },
    { kind: 'd1', name: 'notes', created: true },
  ]);
  expect(await infra.ok('infra_apply', { plan: 'I-1' })).toEqual(applied);

  const second = await infra.ok('infra_propose', {
    ...WANTED,
    resources: [...WANTED.resources, { kind: 'd1', name: 'audit' }],
  });
  expect(second.changes).toMatchObject([{ action: 'nothing' }, { action: 'nothing' }, { action: 'create' }]);
  const listed = await cto.ok<{ plans: object[]; resources: string[] }>('infra_list');
  expect(listed.plans).toMatchObject([
    { plan: 'I-1', state: 'applied', digest: plan.digest },
    { plan: 'I-2', state: 'proposed' },
  ]);
  expect(listed.resources).toHaveLength(2);
  const reviews = await factory.services.store.db.selectFrom('reviews').selectAll().execute();
  expect(reviews).toMatchObject([{ subject: 'plan', target: 1, verdict: 'accept', digest: plan.digest }]);
});

test('each rule refuses under its own name', async () => {
  const { factory, infra, cto } = await setting();
  expect((await infra.call('infra_propose', { ...WANTED, product: '; rm -rf /' })).text).toMatch(
    /^INVALID_INPUT/,
  );
  const twice = { ...WANTED, resources: [WANTED.resources[0], WANTED.resources[0]] };
  expect((await infra.call('infra_propose', twice)).text).toMatch(/^INVALID_INPUT.*twice/);
  const plan = await infra.ok<{ plan: string; digest: string }>('infra_propose', WANTED);
  expect((await infra.call('infra_apply', { plan: 'I-1' })).text).toMatch(/^GATE_CLOSED: I-1 is proposed/);
  expect((await infra.call('infra_apply', { plan: 'I-9' })).text).toMatch(/^NOT_FOUND/);
  expect((await cto.call('infra_review', review({ ...plan, digest: 'a'.repeat(64) }))).text).toMatch(
    /^CONFLICT/,
  );

  const { db } = factory.services.store;
  const { root } = await db
    .selectFrom('sessions')
    .select('root')
    .where('agent', '=', 'cto')
    .executeTakeFirstOrThrow();
  for (const author of [{ agent: 'cto' }, { agent: 'infra', root }]) {
    await db.updateTable('plans').set(author).execute();
    expect((await cto.call('infra_review', review(plan))).text).toMatch(
      /^FORBIDDEN: I-1 is your own proposal/,
    );
  }
  await db.updateTable('plans').set({ agent: 'infra', root: 'another' }).execute();
  await cto.ok('infra_review', review(plan, 'reject'));
  expect((await cto.call('infra_review', review(plan))).text).toMatch(/^CONFLICT: I-1 is rejected/);
  expect((await infra.call('infra_apply', { plan: 'I-1' })).text).toMatch(/^GATE_CLOSED: I-1 is rejected/);

  expect(await ruleOf(factory, 'infra_review')).toEqual(['infra.digest', 'infra.self', 'infra.decided']);
  expect(await ruleOf(factory, 'infra_apply')).toEqual(['infra.unapproved', 'not-found']);
  expect(await (await local(factory)).resources()).toEqual([]);
});

test('what exists is adopted as it is, and a plan whose reality changed is refused', async () => {
  const { factory, infra, cto } = await setting();
  const target = await local(factory);
  const { resource } = await target.ensure({ kind: 'd1', name: 'notes' });
  const plan = await infra.ok<{ plan: string; digest: string; changes: object[] }>('infra_propose', WANTED);
  expect(plan.changes).toMatchObject([{ action: 'create' }, { action: 'adopt' }]);
  await cto.ok('infra_review', review(plan));

  await target.ensure({ kind: 'worker', name: 'notes' });
  expect((await infra.call('infra_apply', { plan: 'I-1' })).text).toMatch(
    /^CONFLICT: The worker notes is not as I-1 found it/,
  );
  expect(await ruleOf(factory, 'infra_apply')).toEqual(['infra.drift']);

  const next = await infra.ok<{ plan: string; digest: string }>('infra_propose', WANTED);
  await cto.ok('infra_review', review(next));
  const { resources } = await infra.ok<{ resources: object[] }>('infra_apply', { plan: 'I-2' });
  expect(resources[1]).toEqual({ kind: 'd1', name: 'notes', id: resource.id, created: false });
});

test.each([
  { when: 'before', made: 0 },
  { when: 'after', made: 1 },
])(
  'a run killed $when the target made a resource is finished by the next, and nothing is made twice',
  async ({ when, made }) => {
    const { factory, infra, cto } = await setting();
    const plan = await infra.ok<{ plan: string; digest: string }>('infra_propose', WANTED);
    await cto.ok('infra_review', review(plan));
    const server = (path: string) => JSON.stringify(import.meta.resolve(`../../servers/${path}`));
    const source = `
    import { openServices } from ${server('core/open.ts')};
    import { applyPlan } from ${server('provision/apply.ts')};
    const services = await openServices(process.argv[1]);
    const target = await services.target('local');
    const stuck = () => new Promise(() => process.stdout.write('stuck'));
    const ensure = async (spec) => {
      if (process.argv[2] === 'before') await stuck();
      await target.ensure(spec);
      await stuck();
    };
    const plan = await services.store.db.selectFrom('plans').selectAll().executeTakeFirstOrThrow();
    await applyPlan(plan, { ...target, ensure }, (work) => services.store.transaction(work));`;
    const child = execa(process.execPath, ['--input-type=module', '--eval', source, factory.home, when], {
      reject: false,
    });
    await new Promise((stuck) => child.stdout.once('data', stuck));
    child.kill('SIGKILL');
    await child;
    const left = await (await local(factory)).resources();
    expect(left).toHaveLength(made);

    const { resources } = await infra.ok<{ resources: { id: string; created: boolean }[] }>('infra_apply', {
      plan: 'I-1',
    });

    expect(resources.map(({ created }) => created)).toEqual([true, true]);
    const now = await (await local(factory)).resources();
    expect(now).toHaveLength(2);
    expect(new Set(now.map(({ id }) => id))).toEqual(new Set(resources.map(({ id }) => id)));
    expect(now).toEqual(expect.arrayContaining(left));
  },
);
