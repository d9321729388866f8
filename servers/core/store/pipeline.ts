import {
  type CompiledQuery,
  type DatabaseConnection,
  PostgresDialect,
  type PostgresDialectConfig,
  PostgresDriver,
  type TransactionSettings,
} from 'kysely';
import type { Tx } from './store.ts';

/** What was sent on a connection in its transaction and not waited for. */
const unanswered = new WeakMap<DatabaseConnection, Promise<unknown>[]>();

/**
 * PostgreSQL with fewer round trips: a transaction's `begin` goes out with its first query, and what `sendLast` sends
 * goes out with its commit. An error of either is thrown by the commit, which then kept nothing.
 * The pool's clients must be pipelining ones.
 */
export class PipelinedDialect extends PostgresDialect {
  readonly #config: PostgresDialectConfig;
  constructor(config: PostgresDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver() {
    return new PipelinedDriver(this.#config);
  }
}

class PipelinedDriver extends PostgresDriver {
  override async beginTransaction(
    connection: DatabaseConnection,
    settings: TransactionSettings,
  ): Promise<void> {
    remember(connection, super.beginTransaction(connection, settings));
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const answers = await answersOn(connection, super.commitTransaction(connection));
    const failed = answers.find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;
  }

  override async rollbackTransaction(
    connection: Parameters<PostgresDriver['rollbackTransaction']>[0],
  ): Promise<void> {
    await answersOn(connection);
    await super.rollbackTransaction(connection);
  }
}

/** Sends the last query of a transaction on PostgreSQL without waiting for its answer. Nothing may be asked after it. */
export async function sendLast(tx: Tx, query: CompiledQuery): Promise<void> {
  await tx
    .getExecutor()
    .provideConnection(async (connection) => remember(connection, connection.executeQuery(query)));
}

function remember(connection: DatabaseConnection, answer: Promise<unknown>): void {
  answer.catch(() => {}); // the commit tells
  unanswered.set(connection, [...(unanswered.get(connection) ?? []), answer]);
}

async function answersOn(connection: DatabaseConnection, ...more: Promise<unknown>[]) {
  const answers = [...(unanswered.get(connection) ?? []), ...more];
  unanswered.delete(connection);
  return Promise.allSettled(answers);
}
