import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../servers/core/store/store.ts';
import { remember } from '../../servers/memory/keep.ts';
import { reachedFrom } from '../../servers/memory/search/graph.ts';
import { addRelation } from '../../servers/memory/search/queries.ts';
import { searchEntries } from '../../servers/memory/search/search.ts';
import { DIALECTS, newStore } from '../store/stores.ts';

const DAY = 86_400_000;
const NOW = 100 * DAY;
const HOSTILE = [
  '"',
  '""',
  "'",
  "''",
  '*',
  'a*',
  '^a',
  '-a',
  'NOT',
  'AND',
  'OR',
  'NEAR(',
  'NEAR(a b, 2)',
  'text:',
  'text:walrus',
  '{text aliases}: a',
  'walrus OR',
  '(walrus',
  'walrus)',
  'walrus NOT walrus',
  ':*',
  '!walrus',
  'walrus & | !',
  '<->',
  "walrus'; drop table memories; --",
  '\\',
  '\0',
  '%',
  '_',
  '\ud800',
  '́',
  '🦭',
  '',
  '   ',
  '--',
  '@@',
  ';',
  'a\nb',
  'ﷺ',
  'x'.repeat(100_000),
  'a '.repeat(50_000),
];

const keeper =
  (store: Store) =>
  async (text: string, more: { about?: string[]; at?: number; aliases?: string[] } = {}) => {
    const writer = {
      agent: 'developer',
      role: 'developer',
      session: null,
      task: null,
      commit: null,
      now: more.at ?? NOW,
    };
    const { about = [], aliases = [] } = more;
    const { id } = await store.transaction((tx) =>
      remember(tx, writer, { kind: 'fact', text, about, aliases, origin: 'agent' }),
    );
    return id;
  };

describe.each(DIALECTS)('on %s', (dialect) => {
  test('whatever is asked is words, never a query language', async () => {
    const { store } = await newStore(dialect);
    const keep = keeper(store);
    const ids = [await keep('The walrus AND text are near.')];
    await keep('Lunch.');
    ids.push(await keep('Fischerhäuser in Zürich, 東京タワー, text_aliases'));
    const find = async (question: string) =>
      (await searchEntries(store.db, question, {}, { now: NOW, limit: 1 })).map(({ id }) => id);
    const naughty = createRequire(import.meta.url).resolve('big-list-of-naughty-strings');
    const strings = (JSON.parse(await readFile(naughty, 'utf8')) as string[]).filter((_, at) => at % 3 === 0);

    for (const question of [...HOSTILE, ...strings]) await find(question);

    expect(await find("walrus') OR 1=1; drop table memories")).toEqual(ids.slice(0, 1));
    expect(await find('walrus NOT walrus')).toEqual(ids.slice(0, 1));
    expect(await find('FISCHERHÄUSER')).toEqual(ids.slice(1));
    expect(await find('東京タワー')).toEqual(ids.slice(1));
    expect(await find('')).toEqual([]);
  });

  test('of two that say the same the newer is first; a phrasing of its author finds an entry, as its text does', async () => {
    const { store } = await newStore(dialect);
    const keep = keeper(store);
    const older = await keep('The build takes nine minutes on one core.', { at: NOW - 60 * DAY });
    for (let n = 0; n < 5; n++) await keep(`Lunch number ${n}.`, { at: NOW - 50 * DAY });
    const newer = await keep('The build takes nine minutes on two cores.');
    const asked = await keep('Ninety seconds.', { aliases: ['how long do we wait for the certificate'] });

    const find = async (question: string) =>
      (await searchEntries(store.db, question, {}, { now: NOW, limit: 8 })).map(({ id }) => id);

    expect((await find('build minutes')).slice(0, 2)).toEqual([newer, older]);
    expect((await find('wait for a certificate'))[0]).toBe(asked);
  });

  test('two steps along the things entries speak of, each with less weight, and no third', async () => {
    const { store } = await newStore(dialect);
    const keep = keeper(store);
    const seed = await keep('One.', { about: ['release:shop'] });
    const same = await keep('Two.', { about: ['release:shop'] });
    const next = await keep('Three.', { about: ['database:orders'] });
    const beyond = await keep('Four.', { about: ['host:a'] });
    await store.transaction(async (tx) => {
      await addRelation(tx, { from: 'release:shop', relation: 'uses', to: 'database:orders', memory: seed });
      await addRelation(tx, { from: 'database:orders', relation: 'runs on', to: 'host:a', memory: seed });
    });

    const reached = await reachedFrom(store.db, [{ id: seed, weight: 1 }], {}, 0.5);
    const backwards = await reachedFrom(store.db, [{ id: next, weight: 1 }], {}, 0.5);

    const weightOf = (of: typeof reached, id: number) => of.find((one) => one.id === id)?.weight;
    expect(weightOf(reached, same)).toBe(0.5);
    expect(weightOf(reached, next)).toBe(0.25);
    expect(weightOf(reached, beyond)).toBeUndefined();
    expect(weightOf(backwards, beyond)).toBe(0.25);
    expect(weightOf(backwards, seed)).toBeCloseTo(0.25 / Math.sqrt(2));
    expect(await reachedFrom(store.db, [{ id: seed, weight: 1 }], { kind: 'decision' }, 0.5)).toEqual([]);
  });
});
