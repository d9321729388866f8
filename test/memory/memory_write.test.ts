import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';

const servers = ['tasks', 'memory'];

test('keeps entries with where they come from, and answers with their ids', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  const developer = await factory.agent('developer');
  await ceo.ok('task_create', {
    title: 'Ship it',
    criteria: ['It answers'],
    stops: ['It does not'],
    role: 'developer',
  });
  await developer.ok('task_checkout');

  const answer = await developer.ok('memory_write', {
    entries: [
      { kind: 'fact', text: 'The shop has one database, orders.', about: ['Database: orders'] },
      { kind: 'next', text: 'Write the form.' },
    ],
  });

  expect(answer).toEqual({
    kept: [
      { id: 'M-1', note: '' },
      { id: 'M-2', note: '' },
    ],
  });
  const [fact, next] = await factory.services.store.db.selectFrom('memories').selectAll().execute();
  expect(fact).toMatchObject({
    agent: 'developer',
    role: 'developer',
    kind: 'fact',
    origin: 'agent',
    trust: 'own',
    task: 1,
    commit_id: null,
    recorded_at: factory.clock.now(),
    valid_from: factory.clock.now(),
    valid_to: null,
    neighbours: '\nWrite the form.',
  });
  expect(fact?.session).toMatch(/^[0-9a-f-]{36}$/);
  expect(next?.neighbours).toBe('The shop has one database, orders.');
});
