import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { type Db, openStore } from '../../core/store/store.ts';
import { tokensOf } from './words.ts';

const PAGE = 2_000;

/** A search to hold ours against: bm25 over the text alone, by the same stemming tokenizer, any word of the question. */
export interface BareSearch {
  find(question: string, limit: number): Promise<number[]>;
  close(): Promise<void>;
}

/** Builds it anew, in a file of its own, over the live entries of a store of either kind. */
export async function openBareSearch(of: Db): Promise<BareSearch> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-bm25-'));
  const store = await openStore(join(folder, 'bare.sqlite'));
  const close = async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await sql`create virtual table bare using fts5(text, tokenize='porter unicode61 remove_diacritics 2')`.execute(
      store.db,
    );
    for (let after = 0; ; ) {
      const rows = await page(of, after);
      const last = rows.at(-1);
      if (!last) break;
      after = last.id;
      await store.transaction(async (tx) => {
        await sql`insert into bare (rowid, text) select value ->> 'id', value ->> 'text'
          from json_each(${JSON.stringify(rows)})`.execute(tx);
      });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    close,
    async find(question, limit) {
      const words = tokensOf(question).map((word) => `"${word}"`);
      if (words.length === 0) return [];
      const { rows } = await sql<{ id: number }>`select rowid as id from bare
        where bare match ${words.join(' OR ')} order by bm25(bare) limit ${limit}`.execute(store.db);
      return rows.map(({ id }) => id);
    },
  };
}

const page = (db: Db, after: number) =>
  db
    .selectFrom('memories')
    .select(['id', 'text'])
    .where('id', '>', after)
    .where('valid_to', 'is', null)
    .orderBy('id')
    .limit(PAGE)
    .execute();
