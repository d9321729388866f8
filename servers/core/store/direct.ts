import type Database from 'better-sqlite3';
import { type Kysely, SqliteAdapter } from 'kysely';

/**
 * The adapter of a SQLite store. It also runs a query with no promise in between, where that means the same: SQLite
 * answers in the same tick, and Kysely's way to it costs more than the query.
 */
export class DirectAdapter extends SqliteAdapter {
  readonly #database: Pick<Database.Database, 'inTransaction'>;
  readonly #statement: (sql: string) => Database.Statement;

  constructor(
    database: Pick<Database.Database, 'inTransaction'>,
    statement: (sql: string) => Database.Statement,
  ) {
    super();
    this.#database = database;
    this.#statement = statement;
  }

  /**
   * Whether what runs now belongs to `db`: inside its own transaction, or with none open. A process has one
   * connection, so otherwise it would read what another transaction has not committed, and write into it.
   */
  isFreeFor(db: Pick<Kysely<never>, 'isTransaction'>): boolean {
    return this.#database.inTransaction === db.isTransaction;
  }

  /** The rows of one query; none for a statement that returns none. Throws as better-sqlite3 does. */
  run(sql: string, parameters: readonly unknown[]): unknown[] {
    const statement = this.#statement(sql);
    if (statement.reader) return statement.all(parameters);
    statement.run(parameters);
    return [];
  }
}
