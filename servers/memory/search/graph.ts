import { sql } from 'kysely';
import type { Db } from '../../core/store/store.ts';
import { type Scope, within } from './scope.ts';

const MOST_STEPS = 2;
/** A thing that everything speaks of tells nothing: only its newest entries are looked at. */
const MOST_OF_ONE_THING = 20;

export interface Reached {
  readonly id: number;
  readonly weight: number;
}

/**
 * The entries that speak of what the seeds speak of (one step), or of what that is related with (two steps). Each
 * step leaves `decay` of a seed's weight, and the entries that one thing leads to share it. Relations count that an
 * entry in scope states.
 */
export async function reachedFrom(
  db: Db,
  seeds: readonly { id: number; weight: number }[],
  scope: Scope,
  decay: number,
): Promise<Reached[]> {
  if (seeds.length === 0) return [];
  const { rows } = await sql<{ seed: number; entity: number; weight: number; id: number }>`
    with recursive reached (seed, entity, weight, step) as (
      select memory, entity, cast(1 as double precision), 1 from memory_entities
        where memory in (${sql.join(seeds.map(({ id }) => id))})
      union
      select reached.seed, case when relations.source = reached.entity then relations.target
          else relations.source end, reached.weight * ${decay}, reached.step + 1
        from reached join relations on relations.source = reached.entity or relations.target = reached.entity
        join memories on memories.id = relations.memory
        where reached.step < ${sql.lit(MOST_STEPS)} and ${within(scope)}
    )
    select reached.seed, reached.entity, reached.weight * ${decay} as weight, memories.id
    from reached cross join memories where memories.id in (
      select memory from memory_entities where entity = reached.entity
        order by memory desc limit ${sql.lit(MOST_OF_ONE_THING)})
      and memories.id <> reached.seed and ${within(scope)}`.execute(db);
  const weightOf = new Map(seeds.map(({ id, weight }) => [id, weight]));
  const best = new Map<number, number>();
  for (const led of Map.groupBy(rows, ({ seed, entity }) => `${seed} ${entity}`).values())
    for (const { seed, weight, id } of led) {
      const share = ((weightOf.get(seed) ?? 0) * weight) / Math.sqrt(led.length);
      best.set(id, Math.max(best.get(id) ?? 0, share));
    }
  return [...best].map(([id, weight]) => ({ id, weight }));
}
