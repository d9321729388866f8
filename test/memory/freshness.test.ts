import { expect, test } from 'vitest';
import { type Agent, type FactoryOptions, startFactory } from '../harness.ts';

const servers = ['tasks', 'gates', 'memory'];
const NOTE = { name: 'note', media: 'text/markdown', body: 'What I found.' };
const ENTRY = { kind: 'fact', text: 'The form takes a name and a text.' };

/** A factory that asks for memory, and a developer who holds T-1. */
async function atWork(options: FactoryOptions = {}) {
  const factory = await startFactory({ servers, remembers: true, ...options });
  const ceo = await factory.agent('ceo');
  const give = () =>
    ceo.ok('task_create', {
      title: 'Ship it',
      criteria: ['It answers'],
      stops: ['It fails'],
      role: 'developer',
    });
  await give();
  const developer = await factory.agent('developer');
  await developer.ok('task_checkout');
  const change = async (agent: Agent = developer) => {
    factory.clock.advance(10);
    await agent.ok('artifact_put', NOTE);
    factory.clock.advance(10);
  };
  return { factory, developer, give, change };
}

const complete = (agent: Agent) => agent.call('task_complete', { summary: 'All of it.' });

test.each([
  ['task_complete', { summary: 'All of it.' }],
  ['task_complete', { summary: 'It does not hold.', outcome: 'failed' }],
  ['task_return', { why: 'Somebody else takes it.' }],
])('%s %j needs a memory entry after the last change', async (tool, args) => {
  const { developer, change } = await atWork();
  await developer.ok('memory_write', { entries: [ENTRY] });
  await change();

  const refused = await developer.call(tool, args);

  expect(refused.text).toBe(
    'GATE_CLOSED: Your next session would not know what you did: you changed something in T-1 at ' +
      '2026-01-01T00:00:00.010Z and last wrote memory at 2026-01-01T00:00:00.000Z.\n' +
      'Next: Call memory_write: what is so now ("fact"), what you decided and why, what is open ("thread"), and the next step; then again.',
  );
  await developer.ok('memory_write', { entries: [{ ...ENTRY, text: 'The note says what I found.' }] });
  await developer.ok(tool, args);
});

test('the refusal is recorded under its rule', async () => {
  const { factory, developer, change } = await atWork();
  await change();

  expect((await complete(developer)).text).toMatch(/^GATE_CLOSED: .* and wrote no memory\./);

  const row = await factory.services.store.db
    .selectFrom('activity')
    .select(['tool', 'code'])
    .where('rule', '=', 'memory.stale')
    .executeTakeFirst();
  expect(row).toEqual({ tool: 'task_complete', code: 'GATE_CLOSED' });
});

test('what the session said already is no update', async () => {
  const { developer, change } = await atWork();
  await developer.ok('memory_write', { entries: [ENTRY] });
  await change();

  const again = await developer.ok('memory_write', {
    entries: [{ ...ENTRY, text: 'the form TAKES  a name and a text.' }],
  });

  expect(again).toEqual({ kept: [{ id: 'M-1', note: 'You had it already; nothing was added.' }] });
  expect((await complete(developer)).text).toMatch(/^GATE_CLOSED/);
});

test("another session's entry is not this session's", async () => {
  const { factory, developer, change } = await atWork();
  await change();
  const other = await factory.agent('developer');

  await other.ok('memory_write', { entries: [ENTRY] });

  expect((await complete(developer)).text).toMatch(/^GATE_CLOSED/);
});

test('a session that changed nothing, a block, and a factory that does not ask, need none', async () => {
  const { developer, give, change } = await atWork();
  await developer.ok('task_complete', { summary: 'Nothing was to be done.' });
  await give();
  await developer.ok('task_checkout');
  await change();
  await developer.ok('task_block', { why: 'The input is silent on what the form asks for.' });

  const lenient = await atWork({ remembers: false });
  await lenient.change();
  await lenient.developer.ok('task_complete', { summary: 'All of it.' });
});

test('a role that may write no memory is not asked for any', async () => {
  const { developer, change } = await atWork({
    change: (factory: Record<string, never>) => {
      const { developer: role } = factory.roles as unknown as Record<string, { may: string[] }>;
      if (role) role.may = role.may.filter((name) => name !== 'memory:own');
    },
  });
  await change();

  await developer.ok('task_complete', { summary: 'All of it.' });
});

test('what an earlier holder of the task changed is theirs to remember', async () => {
  const { factory, change } = await atWork();
  await change();
  await factory.services.store.db.updateTable('leases').set({ ends_at: 0 }).execute();
  const second = await factory.agent('developer-2');
  await second.ok('task_checkout', { task: 'T-1' });

  await second.ok('task_complete', { summary: 'It was done already.' });
});
