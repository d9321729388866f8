import pg from 'pg';
import { nameOf } from './prepared.ts';

/** Counts the times that a statement's plan was found to be of another schema. */
let generation = 0;
const PLAN_IS_OLD = '0A000';

/** A client that has PostgreSQL parse and plan the text of a `prepared` query once a connection, and not at each run. */
export class PlanningClient extends pg.Client {
  // The driver calls `query` in one of its many ways only: with a text and values.
  override query(...given: unknown[]): never {
    const [text, values] = given;
    const name = typeof text === 'string' && Array.isArray(values) ? nameOf(text) : undefined;
    const query = super.query as (...all: unknown[]) => Promise<unknown>;
    if (name === undefined) return query.apply(this, given) as never;
    const answer = query.call(this, { name: `${name}_${generation}`, text, values });
    return answer.catch((error) => {
      if (error instanceof pg.DatabaseError && error.code === PLAN_IS_OLD) generation += 1;
      throw error;
    }) as never;
  }
}
