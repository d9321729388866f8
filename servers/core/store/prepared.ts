import { type Compilable, type CompiledQuery, type DialectAdapter, type InferResult, sql } from 'kysely';
import { DirectAdapter } from './direct.ts';
import type { Db } from './store.ts';

/** Stands for a value until a query is run. */
class Placeholder {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A bound value that must not decide the plan. SQLite plans a statement anew on every run when a limit, or a column
 * beside a partial index, is compared with a bare parameter, which takes longer than running it.
 */
export const unplanned = {
  integer: (given: number) => sql<number>`cast(${given} as bigint)`,
  text: (given: string) => sql<string>`cast(${given} as text)`,
};

/**
 * A query that every call runs: its text is made once a store, and each run only binds values. `build` must use
 * every value through `value`, and not decide anything by it. The result has the rows of the query. On SQLite it
 * is run at once, unless a transaction of somebody else in this process is open: then it waits for its end.
 */
export function prepared<Values extends object>() {
  return <Q extends Compilable>(
    build: (db: Db, value: <K extends keyof Values>(name: K) => Values[K]) => Q,
  ) => {
    const made = new WeakMap<DialectAdapter, CompiledQuery>();
    return async (db: Db, values: Values): Promise<InferResult<Q>> => {
      const { adapter } = db.getExecutor();
      const query =
        made.get(adapter) ?? build(db, (name) => new Placeholder(String(name)) as never).compile();
      made.set(adapter, query);
      const parameters = query.parameters.map((given) =>
        given instanceof Placeholder ? values[given.name as keyof Values] : given,
      );
      if (adapter instanceof DirectAdapter && adapter.isFreeFor(db))
        return adapter.run(query.sql, parameters) as InferResult<Q>;
      return (await db.executeQuery({ ...query, parameters })).rows as InferResult<Q>;
    };
  };
}
