import { sql } from 'kysely';
import { prepared, unplanned } from '../core/store/prepared.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';

/** When an agent's `offset`-th newest entry was recorded. Entries of a hand or an import are not counted. */
export const recordedAt = prepared<{ agent: string; offset: number }>()((db, value) =>
  db
    .selectFrom('memories')
    .select('recorded_at')
    .where('agent', '=', unplanned.text(value('agent')))
    .where('origin', '=', 'agent')
    .orderBy('recorded_at', 'desc')
    .limit(1)
    .offset(unplanned.integer(value('offset'))),
);

/**
 * The live entry of an agent that says exactly this; the digest covers its kind. The agent is compared as a term:
 * PostgreSQL would else read all its entries by that before it has statistics.
 */
export const liveTwin = prepared<{ agent: string; digest: string }>()((db, value) =>
  db
    .selectFrom('memories')
    .select('id')
    .where('digest', '=', unplanned.text(value('digest')))
    .where(sql<string>`agent || ''`, '=', unplanned.text(value('agent')))
    .where('valid_to', 'is', null)
    .limit(1),
);

const NEAR = 4;

/** The newest entries of an agent, the newest first; among them is the one beside which another comes to stand. */
export const newestEntries = prepared<{ agent: string }>()((db, value) =>
  db
    .selectFrom('memories')
    .select(['id', 'text', 'private'])
    .where('agent', '=', unplanned.text(value('agent')))
    .orderBy('recorded_at', 'desc')
    .orderBy('id', 'desc')
    .limit(sql.lit(NEAR)),
);

type NewEntry = Omit<Row<'memories'>, 'id' | 'superseded_by' | 'foreign_id'>;

export const insertEntry = prepared<NewEntry>()((db, value) =>
  db
    .insertInto('memories')
    .values({
      agent: value('agent'),
      role: value('role'),
      kind: value('kind'),
      text: value('text'),
      aliases: value('aliases'),
      neighbours: value('neighbours'),
      tags: value('tags'),
      origin: value('origin'),
      trust: value('trust'),
      source: value('source'),
      session: value('session'),
      task: value('task'),
      commit_id: value('commit_id'),
      private: value('private'),
      recorded_at: value('recorded_at'),
      valid_from: value('valid_from'),
      valid_to: value('valid_to'),
      superseded_by: null,
      digest: value('digest'),
    })
    .returning('id'),
);

export const addNeighbour = prepared<{ id: number; text: string }>()((db, value) =>
  db
    .updateTable('memories')
    .set({ neighbours: sql<string>`neighbours || ${value('text')}` })
    .where('id', '=', value('id')),
);

/** Ends these live entries of an agent in favour of `by`, or of nothing. Gives the ids that were live. */
export async function endEntries(
  tx: Tx,
  agent: string,
  ids: readonly number[],
  by: number | null,
  now: number,
): Promise<number[]> {
  if (ids.length === 0) return [];
  const rows = await tx
    .updateTable('memories')
    .set({ valid_to: now, superseded_by: by })
    .where('id', 'in', ids)
    .where('agent', '=', agent)
    .where('valid_to', 'is', null)
    .returning('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** Names the things an entry speaks of. */
export async function linkEntities(tx: Tx, memory: number, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const sorted = [...new Set(names)].sort();
  await tx
    .insertInto('entities')
    .values(sorted.map((name) => ({ name })))
    .onConflict((at) => at.column('name').doNothing())
    .execute();
  await tx
    .insertInto('memory_entities')
    .columns(['memory', 'entity'])
    .expression((eb) =>
      eb
        .selectFrom('entities')
        .select([sql<number>`cast(${memory} as integer)`.as('memory'), 'id'])
        .where('name', 'in', sorted),
    )
    .onConflict((at) => at.columns(['memory', 'entity']).doNothing())
    .execute();
}

/** The live entries of one kind of an agent. */
export const liveOfKind = (db: Db, agent: string, kind: Row<'memories'>['kind']) =>
  db
    .selectFrom('memories')
    .selectAll()
    .where('agent', '=', agent)
    .where('kind', '=', kind)
    .where('valid_to', 'is', null)
    .orderBy('id')
    .execute();

/** Every live entry of an agent, the newest first. */
export const liveEntries = (db: Db, agent: string, limit: number) =>
  db
    .selectFrom('memories')
    .selectAll()
    .where('agent', '=', agent)
    .where('valid_to', 'is', null)
    .orderBy('recorded_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();

/** The things these entries speak of. */
export async function entitiesOf(db: Db, ids: readonly number[]): Promise<Map<number, string[]>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('memory_entities')
    .innerJoin('entities', 'entities.id', 'memory_entities.entity')
    .select(['memory', 'name'])
    .where('memory', 'in', ids)
    .orderBy('name')
    .execute();
  return new Map(
    [...Map.groupBy(rows, ({ memory }) => memory)].map(([id, of]) => [id, of.map(({ name }) => name)]),
  );
}

export const taskOf = (db: Db, id: number) =>
  db
    .selectFrom('tasks')
    .select(['id', 'pipeline', 'title', 'phase', 'round'])
    .where('id', '=', id)
    .executeTakeFirst();

export const leaseOf = (db: Db, task: number) =>
  db
    .selectFrom('leases')
    .select(['holder', 'fence', 'ends_at'])
    .where('kind', '=', 'task')
    .where('subject', '=', task)
    .executeTakeFirst();

/** What an agent's MEMORY.md said when it was last rendered or read. */
export const renderedFile = (db: Db, agent: string) =>
  db.selectFrom('memory_files').selectAll().where('agent', '=', agent).executeTakeFirst();

export const saveRendered = (tx: Tx, file: Row<'memory_files'>) =>
  tx
    .insertInto('memory_files')
    .values(file)
    .onConflict((at) => at.column('agent').doUpdateSet(file))
    .execute();

export async function countLive(db: Db, agent: string): Promise<number> {
  const row = await db
    .selectFrom('memories')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('agent', '=', agent)
    .where('valid_to', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** The session an agent has under a host's own session, else its newest one. */
export const sessionOfHost = (db: Db, agent: string, root: string) =>
  db
    .selectFrom('sessions')
    .select(['id', 'task', 'fence'])
    .where('agent', '=', agent)
    .orderBy((eb) => eb.case().when('root', '=', root).then(0).else(1).end())
    .orderBy('opened_at', 'desc')
    .limit(1)
    .executeTakeFirst();

/** Keeps a card; one with the same id stays when it is newer. */
export const saveCard = (tx: Tx, card: Row<'state_cards'>) =>
  tx
    .insertInto('state_cards')
    .values(card)
    .onConflict((at) =>
      at.column('id').doUpdateSet(card).where('state_cards.created_at', '<=', card.created_at),
    )
    .execute();
