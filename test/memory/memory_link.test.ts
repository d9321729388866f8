import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';

const servers = ['tasks', 'memory'];
const SHOP = { from: 'Release: Shop', relation: 'Uses', to: 'database:orders' };

async function linked() {
  const factory = await startFactory({ servers });
  const engineer = await factory.agent('principal-engineer');
  const keep = (entry: Record<string, unknown>) =>
    engineer.ok('memory_write', { entries: [{ kind: 'fact', ...entry }] });
  const find = async (query: string) =>
    (await engineer.ok<{ entries: string[] }>('memory_search', { query })).entries.map(
      (entry) => entry.split(' ')[0],
    );
  const relations = () =>
    factory.services.store.db
      .selectFrom('relations')
      .innerJoin('entities as a', 'a.id', 'relations.source')
      .innerJoin('entities as b', 'b.id', 'relations.target')
      .select(['a.name as from', 'relation', 'b.name as to', 'memory'])
      .execute();
  return { factory, engineer, keep, find, relations };
}

test('a relation leads a search from one thing to the other, and rests on an entry', async () => {
  const { engineer, keep, find, relations } = await linked();
  await keep({ text: 'Checkout is version nine.', about: ['release:shop'] });
  await keep({ text: 'Lunch.' });
  await keep({ text: 'Fsync is off there.', about: ['database:orders'] });
  await keep({ text: 'Unrelated.', about: ['database:other'] });
  await keep({ text: 'Dinner.' });
  expect(await find('checkout version')).not.toContain('M-3');

  const answer = await engineer.ok('memory_link', SHOP);

  expect(answer).toEqual({ entry: 'M-6' });
  expect(await relations()).toEqual([
    { from: 'release:shop', relation: 'uses', to: 'database:orders', memory: 6 },
  ]);
  const found = await find('checkout version');
  expect(found[0]).toBe('M-1');
  expect(found).toContain('M-3');
  expect(found).not.toContain('M-4');
});

test('a relation ends with the entry that says so', async () => {
  const { engineer, keep, find } = await linked();
  await keep({ text: 'Checkout is version nine.', about: ['release:shop'] });
  await keep({ text: 'Lunch.' });
  await keep({ text: 'Fsync is off there.', about: ['database:orders'] });
  await keep({ text: 'As the diagram has it.' });
  await engineer.ok('memory_link', { ...SHOP, because: 'M-4' });
  await engineer.ok('memory_link', { ...SHOP, because: 'M-4' });
  expect(await find('checkout version')).toContain('M-3');

  await keep({ text: 'The diagram was wrong.', supersedes: ['M-4'] });

  expect(await find('checkout version')).not.toContain('M-3');
});

test('said twice on one entry it is kept once', async () => {
  const { engineer, keep, relations } = await linked();
  await keep({ text: 'As the diagram has it.' });
  for (const from of ['release:shop', 'Release:Shop'])
    await engineer.ok('memory_link', { ...SHOP, from, because: 'M-1' });
  expect(await relations()).toHaveLength(1);
});

test("a relation rests neither on another's entry, nor on a third party's, nor on one that ended", async () => {
  const { factory, engineer, keep, relations } = await linked();
  const developer = await factory.agent('developer');
  await developer.ok('memory_write', { entries: [{ kind: 'fact', text: 'Mine.' }] });
  await keep({ text: 'They say so.', source: 'https://forum.invalid' });
  await keep({ text: 'It was so.' });
  await keep({ text: 'It is not so.', supersedes: ['M-3'] });

  for (const because of ['M-1', 'M-2', 'M-3', 'M-99'])
    expect((await engineer.call('memory_link', { ...SHOP, because })).text).toBe(
      `NOT_FOUND: ${because} is no live entry of yours that you wrote yourself.\n` +
        'Next: Call memory_search for one, or memory_link without because.',
    );
  expect((await engineer.call('memory_link', { ...SHOP, to: ' \n ' })).text).toMatch(
    /^INVALID_INPUT: A relation names/,
  );
  expect((await developer.call('memory_link', SHOP)).isError).toBe(true);
  expect(await relations()).toEqual([]);
});
