import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Store } from '../../servers/core/store/store.ts';
import { remember } from '../../servers/memory/keep.ts';
import { embedderOf } from '../../servers/memory/search/embeddings.ts';
import {
  evaluate,
  OURS,
  ourArms,
  WITH_EMBEDDINGS,
  withEmbeddings,
} from '../../servers/memory/search/evaluate.ts';
import { embedAll, NO_GAIN, saveMeasured } from '../../servers/memory/search/hybrid.ts';
import { DIALECTS, newStore } from '../store/stores.ts';
import { startEmbeddingServer } from './embedding_server.ts';

afterEach(() => vi.unstubAllEnvs());

const KEY = 'key-of-the-endpoint-1';
const ANIMALS =
  'walrus giraffe elephant crocodile hippopotamus rhinoceros chimpanzee orangutan salamander hummingbird ' +
  'woodpecker nightingale caterpillar dragonfly grasshopper porcupine hedgehog armadillo wolverine mongoose flamingo';
const MISSPELT = (word: string) => `${word.slice(0, -2)}${word.slice(-1)}x`;

/** A store that knows an animal an entry, and questions that misspell it. */
async function zoo(store: Store) {
  const writer = {
    agent: 'developer',
    role: 'developer',
    session: null,
    task: null,
    commit: null,
    now: 1_000,
  };
  const keep = (text: string, more: object = {}) =>
    store.transaction((tx) => remember(tx, writer, { kind: 'fact', text, origin: 'agent', ...more }));
  const questions = [];
  for (const word of ANIMALS.split(' ')) {
    const { id } = await keep(word);
    questions.push({ question: MISSPELT(word), expect: [`M-${id}`], stale: [] });
  }
  await keep('Hidden zebra.', { private: true });
  return questions;
}

/** The search as tools use it, in a process of its own: a pause after a failure lasts as long as that. */
async function asked(store: Store) {
  vi.resetModules();
  const { search } = await import('../../servers/memory/search/hybrid.ts');
  const home = await mkdtemp(join(tmpdir(), 'millwright-embeddings-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const find = async (question: string, scope = {}) => {
    const { found, note } = await search({ store, paths: { home } as never }, question, scope, {
      now: 2_000,
      limit: 3,
    });
    return { ids: found.map(({ id }) => id), note };
  };
  return { find, home };
}

describe.each(DIALECTS)('on %s', (dialect) => {
  test('a gain that was measured switches embeddings on; without one full text stays, and says why', async () => {
    const { store } = await newStore(dialect);
    const server = await startEmbeddingServer();
    const questions = await zoo(store);
    const { find, home } = await asked(store);
    const misspelt = questions[4]?.question ?? '';
    expect(await find(misspelt)).toEqual({ ids: [], note: undefined });
    vi.stubEnv('MILLWRIGHT_EMBEDDINGS_URL', server.url);
    vi.stubEnv('MILLWRIGHT_EMBEDDINGS_MODEL', 'pieces');
    vi.stubEnv('MILLWRIGHT_EMBEDDINGS_KEY', KEY);
    const embedder = embedderOf(process.env);
    if (!embedder) throw new Error('No embedder.');

    expect(await find(misspelt)).toEqual({ ids: [], note: NO_GAIN });
    expect(server.texts).toEqual([]);
    await embedAll(store, embedder);
    const { figures } = await evaluate(store.db, questions, [
      ...ourArms(store.db, 2_000),
      withEmbeddings(embedder, store.db, 2_000),
    ]);
    const recall = (name: string) => figures.find(({ arm }) => arm === name)?.recall5 ?? Number.NaN;
    expect(recall(OURS)).toBe(0);
    expect(recall(WITH_EMBEDDINGS)).toBeGreaterThan(0.9);

    const measured = { url: server.url, model: 'pieces', questions: questions.length };
    for (const none of [
      { without: 0.5, with: 0.51 },
      { without: 0, with: 1, questions: 19 },
      { without: 0, with: 1, model: 'other' },
    ]) {
      await saveMeasured(home, { ...measured, ...none });
      expect((await find(misspelt)).note).toBe(NO_GAIN);
    }
    await saveMeasured(home, { ...measured, without: recall(OURS), with: recall(WITH_EMBEDDINGS) });

    const { ids, note } = await find(misspelt);
    expect(note).toBeUndefined();
    expect(ids[0]).toBe(5);
    expect((await find(misspelt, { kind: 'decision' })).ids).toEqual([]);
    expect((await stat(join(home, 'embeddings.json'))).mode & 0o777).toBe(0o600);
    expect(server.texts.join('\n')).not.toContain('zebra');
    expect(new Set(server.keys)).toEqual(new Set([`Bearer ${KEY}`]));
    const vectors = await store.db.selectFrom('memory_vectors').select(['model']).execute();
    expect(vectors).toHaveLength(questions.length);
  });
});

test('an endpoint that hangs, refuses or talks nonsense costs a note, not the search, and is let alone for a while', async () => {
  const { store } = await newStore('sqlite');
  await zoo(store);
  const server = await startEmbeddingServer();
  vi.stubEnv('MILLWRIGHT_EMBEDDINGS_URL', server.url);
  vi.stubEnv('MILLWRIGHT_EMBEDDINGS_MODEL', 'pieces');
  for (const [failing, note] of [
    ['refuse', 'The embeddings endpoint gave no answer (AuthenticationError). Full text only.'],
    ['nonsense', 'The embeddings endpoint gave no vectors. Full text only.'],
    ['hang', 'The embeddings endpoint gave no answer (APIConnectionTimeoutError). Full text only.'],
  ] as const) {
    server.failing = failing;
    const { find, home } = await asked(store);
    await saveMeasured(home, { url: server.url, model: 'pieces', questions: 20, without: 0, with: 1 });

    expect(await find('walrus')).toEqual({ ids: expect.arrayContaining([1]), note });
    const calls = server.keys.length;
    expect(await find('walrus')).toEqual({ ids: expect.arrayContaining([1]), note });
    expect(server.keys).toHaveLength(calls);
  }
});

test('an address in the clear is used on this machine only, and a model must be named', () => {
  const at =
    (url: string, model = 'm') =>
    () =>
      embedderOf({ MILLWRIGHT_EMBEDDINGS_URL: url, MILLWRIGHT_EMBEDDINGS_MODEL: model });
  expect(embedderOf({})).toBeUndefined();
  for (const url of [
    'https://api.invalid/v1',
    'http://localhost:1/v1',
    'http://127.0.0.1:1/v1',
    'http://[::1]:1/v1',
  ])
    expect(at(url)()).toMatchObject({ url, model: 'm' });
  for (const url of ['http://api.invalid/v1', 'http://127.0.0.1.invalid/v1', 'file:///etc', 'nonsense'])
    expect(at(url)).toThrow('is neither https nor an address of this machine');
  expect(at('https://api.invalid', '')).toThrow('names no model');
});
