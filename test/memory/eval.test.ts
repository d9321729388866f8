import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { evaluate, ourArms } from '../../servers/memory/search/evaluate.ts';
import { importEntries } from '../../servers/memory/search/import.ts';
import { newestAt } from '../../servers/memory/search/queries.ts';
import { readQuestions } from '../../servers/memory/search/questions.ts';
import { DIALECTS, newStore } from '../store/stores.ts';

const SET = join(import.meta.dirname, 'eval');
const POINTS = 10;

describe.each(DIALECTS)('on %s', (dialect) => {
  test('the search finds more of the held-out half than plain bm25 does', async () => {
    const { store } = await newStore(dialect);
    await importEntries(store, join(SET, 'entries.jsonl'), { roleOf: () => undefined });
    const questions = await readQuestions(join(SET, 'questions.jsonl'), 'held-out');

    const { figures, missing } = await evaluate(
      store.db,
      questions,
      ourArms(store.db, await newestAt(store.db)),
    );

    console.log(
      [dialect, ...figures.map(({ arm, recall5, recall10, mrr }) => says(arm, recall5, recall10, mrr))].join(
        '\n',
      ),
    );
    const [plain, ours] = figures;
    expect(missing).toEqual([]);
    expect(questions).toHaveLength(104);
    expect(plain?.arm).toBe('plain bm25');
    expect(ours?.arm).toBe('ours');
    expect(100 * ((ours?.recall5 ?? 0) - (plain?.recall5 ?? 1))).toBeGreaterThanOrEqual(POINTS);
    const unhelped = figures.find(({ arm }) => arm === 'ours without related words');
    expect(unhelped?.recall5).toBeGreaterThan(plain?.recall5 ?? 1);
    expect(ours?.recall10).toBeGreaterThan(plain?.recall10 ?? 1);
    expect(ours?.mrr).toBeGreaterThan(plain?.mrr ?? 1);
  });
});

const says = (arm: string, ...shares: number[]) =>
  `${arm.padEnd(28)}${shares.map((share) => share.toFixed(3)).join('  ')}`;
