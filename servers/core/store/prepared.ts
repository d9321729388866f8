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

/** The texts of prepared queries, each with a short name of its own. */
const names = new Map<string, string>();

/** The name of a prepared query by its text; undefined for any other text. */
export const nameOf = (text: string): string | undefined => names.get(text);

function named(query: CompiledQuery): CompiledQuery {
  if (!names.has(query.sql)) names.set(query.sql, `q${names.size}`);
  return query;
}

/**
 * A query that every call runs: its text is made once a store, and each run only binds values. `build` must use
 * every value through `value`, and not decide anything by it. The result has the rows of the query. On SQLite it
 * is run at once, unless a transaction of somebody else in this process is open: then it waits for its end. PostgreSQL
 * keeps its plan.
 */
export function prepared<Values extends object>() {
  return <Q extends Compilable>(build: Build<Values, Q>) => {
    const bind = bound<Values>()(build);
    return async (db: Db, values: Values): Promise<InferResult<Q>> => {
      const query = bind(db, values);
      const { adapter } = db.getExecutor();
      if (adapter instanceof DirectAdapter && adapter.isFreeFor(db))
        return adapter.run(query.sql, query.parameters) as InferResult<Q>;
      return (await db.executeQuery(query)).rows as InferResult<Q>;
    };
  };
}

type Build<Values, Q extends Compilable> = (
  db: Db,
  value: <K extends keyof Values>(name: K) => Values[K],
) => Q;

/** As `prepared`, for who runs the query in a way of its own: it gives the query with its values in place. */
export function bound<Values extends object>() {
  return <Q extends Compilable>(build: Build<Values, Q>) => {
    const made = new WeakMap<DialectAdapter, CompiledQuery>();
    return (db: Db, values: Values): CompiledQuery => {
      const { adapter } = db.getExecutor();
      const query =
        made.get(adapter) ?? named(build(db, (name) => new Placeholder(String(name)) as never).compile());
      made.set(adapter, query);
      const parameters = query.parameters.map((given) =>
        given instanceof Placeholder ? values[given.name as keyof Values] : given,
      );
      return { ...query, parameters };
    };
  };
}
