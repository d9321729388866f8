import { type RawBuilder, sql } from 'kysely';
import { type Db, locksRows } from '../../core/store/store.ts';
import { type Scope, within } from './scope.ts';
import type { Tuning } from './tuning.ts';

/** A word and in how many entries it is, counted up to a bound. */
export interface Counted {
  readonly word: string;
  readonly count: number;
}

/** What is looked for: entries that have any of `any`; what they have of `beside` counts too, but brings none in. */
export interface Ask {
  readonly any: readonly Counted[];
  readonly beside?: readonly Counted[];
  /** Every word instead of any. */
  readonly every?: boolean;
  /** Only entries from this id on. */
  readonly since?: number;
  readonly scope: Scope;
  readonly weights: Pick<Tuning, 'text' | 'aliases' | 'tags' | 'neighbours'>;
  /** How many entries there are. */
  readonly total: number;
  readonly limit: number;
}

export interface Match {
  readonly id: number;
  readonly score: number;
  readonly recorded_at: number;
}

/** The best entries for some words by the database's own index, the best first. Words are letters and digits. */
export async function bestMatches(db: Db, ask: Ask): Promise<Match[]> {
  if (ask.any.length === 0) return [];
  const { rows } = await (locksRows(db) ? onPostgres(ask) : onSqlite(ask)).execute(db);
  return rows.filter(({ score }) => score > 0);
}

/** In how many entries each word is; `most` and more count as `most`. */
export async function countWords(db: Db, words: readonly string[], most: number): Promise<Counted[]> {
  const list = JSON.stringify(words);
  const { rows } = await (locksRows(db)
    ? sql<Counted>`
        select word, (select count(*) from (select 1 from memories
            where words @@ plainto_tsquery('english', word) limit ${most}) as found) as count
        from json_array_elements_text(${list}) as word`
    : sql<Counted>`
        select value as word, (select count(*) from (select 1 from memories_text
            where memories_text match '"' || value || '"' limit ${most})) as count
        from json_each(${list})`
  ).execute(db);
  return rows;
}

/** bm25 over the four columns: https://sqlite.org/fts5.html#the_bm25_function */
function onSqlite({ any, beside = [], every, since = 0, scope, weights, limit }: Ask): RawBuilder<Match> {
  const { text, aliases, tags, neighbours } = weights;
  const joined = (words: readonly Counted[]) =>
    words.map(({ word }) => `"${word}"`).join(every ? ' AND ' : ' OR ');
  const query = beside.length === 0 ? joined(any) : `(${joined(any)}) AND (${joined([...any, ...beside])})`;
  return sql<Match>`
    select memories.id, memories.recorded_at,
      -bm25(memories_text, ${text}, ${aliases}, ${tags}, ${neighbours}) as score
    from memories_text cross join memories on memories.id = memories_text.rowid
    where memories_text match ${query} and memories_text.rowid >= ${since} and ${within(scope)}
    order by score desc limit ${limit}`;
}

/**
 * PostgreSQL's rank knows nothing of how rare a word is, so each word is ranked by itself and weighed. The index gives
 * the entries of each word; where only the newest entries are looked at, they are read first and the index not at all.
 */
function onPostgres(ask: Ask): RawBuilder<Match> {
  const { any, beside = [], every, since, scope, weights, total, limit } = ask;
  const { text, aliases, tags, neighbours } = weights;
  const terms = [...any, ...beside];
  const words = JSON.stringify(terms.map(({ word }) => word));
  const rarities = JSON.stringify(terms.map(({ count }) => Math.log(1 + total / (count + 0.5))));
  const query = any.map(({ word }) => `'${word}'`).join(' & ');
  const found =
    since !== undefined
      ? sql`select id, recorded_at, words from memories where id >= ${since} and ${within(scope)}`
      : every
        ? sql`select id, recorded_at, words from memories
            where words @@ to_tsquery('english', ${query}) and ${within(scope)}`
        : sql`select distinct on (hit.id) hit.id, hit.recorded_at, hit.words from terms cross join lateral (
            select id, recorded_at, words from memories
            where memories.words @@ terms.query and ${within(scope)} offset 0) as hit
            where terms.nth <= ${any.length}`;
  return sql<Match>`
    with terms as materialized (
      select plainto_tsquery('english', word) as query, rarity::float8 as rarity, nth
      from rows from (json_array_elements_text(${words}), json_array_elements_text(${rarities}))
        with ordinality as given(word, rarity, nth)),
    found as materialized (${found})
    select found.id, found.recorded_at, sum(terms.rarity *
      ts_rank(array[${neighbours}, ${tags}, ${aliases}, ${text}]::float4[], found.words, terms.query)) as score
    from found join terms on found.words @@ terms.query
    group by found.id, found.recorded_at
    order by score desc limit ${limit}`;
}
