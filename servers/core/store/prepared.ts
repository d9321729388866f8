import type { Compilable, CompiledQuery, DialectAdapter, InferResult } from 'kysely';
import type { Db } from './store.ts';

/** Stands for a value until a query is run. */
class Placeholder {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A query that every call runs: its text is made once a store, and each run only binds values. `build` must use
 * every value through `value`, and not decide anything by it. The result has the rows of the query.
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
      return (await db.executeQuery({ ...query, parameters })).rows as InferResult<Q>;
    };
  };
}
