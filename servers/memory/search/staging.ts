import { sql } from 'kysely';
import { type Db, locksRows, type Tx } from '../../core/store/store.ts';
import { LONGEST_NEIGHBOUR } from '../keep.ts';
import type { Staged } from './line.ts';

/** Where the lines of a file wait, in the connection's own temporary tables. */
const STAGE = sql.table('memory_stage');
const PLACES = sql.table('memory_places');

const MOST_NUMBERS = 500;
const BULK_MEMORY = '64MB';
const COLUMNS = [
  'n',
  'foreign_id',
  'agent',
  'role',
  'kind',
  'text',
  'aliases',
  'tags',
  'trust',
  'source',
  'private',
  'recorded_at',
  'valid_from',
  'valid_to',
  'digest',
  'about',
  'supersedes',
] as const satisfies readonly (keyof Staged)[];

export async function makeStage(db: Db): Promise<void> {
  await sql`create temp table ${STAGE} (n integer primary key, foreign_id text, agent text, role text, kind text,
    text text, aliases text, tags text, trust text, source text, private integer, recorded_at bigint,
    valid_from bigint, valid_to bigint, digest text, about text, supersedes text)`.execute(db);
}

export async function dropStage(db: Db): Promise<void> {
  await sql`drop table if exists ${PLACES}`.execute(db);
  await sql`drop table if exists ${STAGE}`.execute(db);
}

export async function stage(db: Db, rows: readonly Staged[]): Promise<void> {
  if (rows.length === 0) return;
  const list = JSON.stringify(rows);
  const columns = sql.join(COLUMNS.map((column) => sql.ref(column)));
  const from = locksRows(db)
    ? sql`json_populate_recordset(null::${STAGE}, ${list})`
    : sql`(select ${sql.join(COLUMNS.map((column) => sql`value ->> ${sql.lit(column)} as ${sql.ref(column)}`))}
        from json_each(${list}))`;
  await sql`insert into ${STAGE} (${columns}) select ${columns} from ${from}`.execute(db);
}

/** A line of the stage, by its number and id. */
export interface Named {
  readonly n: number;
  readonly foreign_id: string;
}

export async function indexStage(db: Db): Promise<void> {
  await sql`create index memory_stage_id on ${STAGE} (foreign_id, n)`.execute(db);
  await sql`create index memory_stage_digest on ${STAGE} (digest)`.execute(db);
}

/** The lines whose id an earlier line has. */
export async function repeatedIds(db: Db): Promise<Named[]> {
  const { rows } = await sql<Named>`select n, foreign_id from (select n, foreign_id,
    row_number() over (partition by foreign_id order by n) as nth from ${STAGE}) as numbered
    where nth > 1 order by n`.execute(db);
  return rows;
}

/** The lines whose id an entry of the store has that says something else, or is somebody else's. */
export async function takenIds(db: Db): Promise<Named[]> {
  const { rows } = await sql<Named>`select ${STAGE}.n, ${STAGE}.foreign_id from ${STAGE} cross join memories
    where memories.foreign_id = ${STAGE}.foreign_id
      and (memories.digest <> ${STAGE}.digest or memories.agent <> ${STAGE}.agent)
    order by ${STAGE}.n`.execute(db);
  return rows;
}

/** Takes lines out of the stage. */
export async function unstage(db: Db, lines: readonly Named[]): Promise<void> {
  for (let at = 0; at < lines.length; at += MOST_NUMBERS)
    await sql`delete from ${STAGE} where n in
      (${sql.join(lines.slice(at, at + MOST_NUMBERS).map(({ n }) => n))})`.execute(db);
}

/** Gives each line its place in time, and the texts beside it: the one before and after of the same agent. */
export async function arrange(db: Db): Promise<void> {
  const beside = (which: 'lag' | 'lead') =>
    sql`coalesce(${sql.raw(which)}(substr(text, 1, ${sql.lit(LONGEST_NEIGHBOUR)}))
      over (partition by agent, private order by recorded_at, n), '')`;
  await sql`create temp table ${PLACES} as select n, row_number() over (order by recorded_at, n) as place,
    ${beside('lag')} || ${sql.lit('\n')} || ${beside('lead')} as neighbours from ${STAGE}`.execute(db);
  await sql`create index memory_places_place on ${PLACES} (place)`.execute(db);
  await sql`analyze ${STAGE}`.execute(db);
}

/** Takes out of the stage what the store has, by id or by saying the same. Gives how many those were. */
export async function dropKnown(tx: Tx): Promise<number> {
  const { numAffectedRows } = await sql`delete from ${STAGE} where n in (
    select ${STAGE}.n from ${STAGE} cross join memories where memories.foreign_id = ${STAGE}.foreign_id
    union select ${STAGE}.n from memories cross join ${STAGE} where ${STAGE}.digest = memories.digest
      and ${STAGE}.agent = memories.agent and ${STAGE}.kind = memories.kind
      and (memories.valid_to is null or ${STAGE}.recorded_at = memories.recorded_at))`.execute(tx);
  return Number(numAffectedRows ?? 0);
}

/** Has PostgreSQL take the words of many entries into its index at once, for the rest of the transaction. */
export async function inBulk(tx: Tx): Promise<void> {
  if (!locksRows(tx)) return;
  await sql`select set_config('work_mem', ${BULK_MEMORY}, true),
    set_config('gin_pending_list_limit', ${BULK_MEMORY}, true)`.execute(tx);
}

/** After many new entries: the plans of searches rest on how many there are, and their words lie beside the index. */
export async function settleIndex(db: Db): Promise<void> {
  if (!locksRows(db)) return;
  await sql`select gin_clean_pending_list('memories_words')`.execute(db);
  await sql`analyze memories`.execute(db);
}

/** Adds the lines of the places after `from`, in order of time. */
export async function addEntries(tx: Tx, from: number, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    insert into memories (agent, role, kind, text, aliases, neighbours, tags, origin, trust, source, private,
      recorded_at, valid_from, valid_to, digest, foreign_id)
    select agent, role, kind, text, aliases, neighbours, tags, 'import', trust, source, private, recorded_at,
      valid_from, valid_to, digest, foreign_id
    from ${PLACES} join ${STAGE} on ${STAGE}.n = ${PLACES}.n
    where place > ${from} and place <= ${from + limit} order by place`.execute(tx);
  return Number(numAffectedRows ?? 0);
}

/** Names the things that the added entries speak of. `cross join` keeps SQLite to the order that is written. */
export async function linkAbout(tx: Tx): Promise<void> {
  const named = listed(tx, 'about');
  await sql`insert into entities (name) select distinct named.value from ${named} where true
    on conflict do nothing`.execute(tx);
  await sql`insert into memory_entities (memory, entity) select memories.id, entities.id from ${named}
    cross join entities cross join memories
    where entities.name = named.value and memories.foreign_id = named.foreign_id on conflict do nothing`.execute(
    tx,
  );
}

/** Ends what the added entries supersede, if it is of the same agent. Gives how many those were. */
export async function endSuperseded(tx: Tx): Promise<number> {
  const named = listed(tx, 'supersedes');
  const { numAffectedRows } = await sql`
    with pairs as materialized (select older.id, newer.id as by_id, newer.recorded_at as at from ${named}
      cross join memories as newer cross join memories as older
      where newer.foreign_id = named.foreign_id and older.foreign_id = named.value
        and older.agent = newer.agent and older.id <> newer.id)
    update memories set superseded_by = pairs.by_id, valid_to = coalesce(memories.valid_to, pairs.at)
    from pairs where memories.id = pairs.id and memories.superseded_by is null
      and memories.id in (select id from pairs)`.execute(tx);
  return Number(numAffectedRows ?? 0);
}

/** A row for each name in one of the lists: `named (foreign_id, value)`. */
function listed(db: Db, column: 'about' | 'supersedes') {
  const list = sql.ref(column);
  return locksRows(db)
    ? sql`(select foreign_id, json_array_elements_text(${list}::json) as value from ${STAGE}
        where ${list} <> '[]') as named`
    : sql`(select foreign_id, each.value from ${STAGE} cross join json_each(${list}) as each
        where ${list} <> '[]') as named`;
}
