import { memoryId } from '../../core/ids.ts';
import type { Row } from '../../core/store/schema.ts';
import type { Db, Tx } from '../../core/store/store.ts';
import { type Scope, within } from './scope.ts';

const PAGE = 500;

/** The id an entry is known by outside: the one it was imported under, else its own. */
export const outsideId = ({ id, foreign_id }: Pick<Row<'memories'>, 'id' | 'foreign_id'>) =>
  foreign_id ?? memoryId(id);

/** These entries in this order; ids that no entry has are left out. */
export async function findRows(db: Db, ids: readonly number[], scope?: Scope): Promise<Row<'memories'>[]> {
  if (ids.length === 0) return [];
  const all = db.selectFrom('memories').selectAll().where('id', 'in', ids);
  const rows = await (scope ? all.where(within(scope)) : all).execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

/** Entries by the id they were imported under, or by their own (`M-12`). */
export async function idsByName(db: Db, names: readonly string[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (let at = 0; at < names.length; at += PAGE) {
    const some = names.slice(at, at + PAGE);
    const own = some.filter((name) => /^M-[1-9]\d{0,12}$/.test(name)).map((name) => Number(name.slice(2)));
    const rows = await db
      .selectFrom('memories')
      .select(['id', 'foreign_id'])
      .where((eb) => eb.or([eb('foreign_id', 'in', some), ...(own.length > 0 ? [eb('id', 'in', own)] : [])]))
      .execute();
    for (const { id } of rows) if (some.includes(`M-${id}`)) found.set(`M-${id}`, id);
    for (const { id, foreign_id } of rows)
      if (foreign_id !== null && some.includes(foreign_id)) found.set(foreign_id, id);
  }
  return found;
}

/** Entries of the same agent, or of the same task, just before or after this one in time, nearest first. */
export function entriesBeside(
  db: Db,
  { id, recorded_at, agent, task }: Row<'memories'>,
  side: 'before' | 'after',
  scope: Scope,
  limit: number,
): Promise<Row<'memories'>[]> {
  const [than, order] = side === 'before' ? (['<', 'desc'] as const) : (['>', 'asc'] as const);
  return db
    .selectFrom('memories')
    .selectAll()
    .where((eb) => eb.or([eb('agent', '=', agent), ...(task === null ? [] : [eb('task', '=', task)])]))
    .where((eb) =>
      eb.or([
        eb('recorded_at', than, recorded_at),
        eb.and([eb('recorded_at', '=', recorded_at), eb('id', than, id)]),
      ]),
    )
    .where(within(scope))
    .orderBy('recorded_at', order)
    .orderBy('id', order)
    .limit(limit)
    .execute();
}

/** States that one thing stands in a relation to another, once for each entry that says so. Both must be named. */
export async function addRelation(
  tx: Tx,
  { from, relation, to, memory }: { from: string; relation: string; to: string; memory: number },
): Promise<void> {
  const named = await tx.selectFrom('entities').selectAll().where('name', 'in', [from, to]).execute();
  const idOf = (name: string) => named.find((entity) => entity.name === name)?.id ?? Number.NaN;
  const stated = { source: idOf(from), relation, target: idOf(to), memory };
  const known = await tx
    .selectFrom('relations')
    .select('id')
    .where((eb) => eb.and(stated))
    .executeTakeFirst();
  if (!known) await tx.insertInto('relations').values(stated).execute();
}

/** Entries in order of id, a page of them; of one agent when one is named. */
export function entriesAfter(db: Db, after: number, limit: number, agent?: string) {
  const all = db.selectFrom('memories').selectAll().where('id', '>', after).orderBy('id').limit(limit);
  return (agent === undefined ? all : all.where('agent', '=', agent)).execute();
}

/** What each entry took the place of, by the ids that those are known by outside. */
export async function supersededNames(db: Db): Promise<Map<number, string[]>> {
  const rows = await db
    .selectFrom('memories')
    .select(['id', 'foreign_id', 'superseded_by'])
    .where('superseded_by', 'is not', null)
    .orderBy('id')
    .execute();
  const byNewer = Map.groupBy(rows, ({ superseded_by }) => superseded_by as number);
  return new Map([...byNewer].map(([by, of]) => [by, of.map(outsideId)]));
}

/** When the newest entry was recorded; 0 in an empty store. */
export async function newestAt(db: Db): Promise<number> {
  const row = await db
    .selectFrom('memories')
    .select((eb) => eb.fn.max<number | null>('recorded_at').as('at'))
    .executeTakeFirst();
  return row?.at ?? 0;
}
