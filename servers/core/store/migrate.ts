import { type Kysely, sql } from 'kysely';
import { foundation } from './migrations/0001_foundation.ts';
import { memory } from './migrations/0002_memory.ts';
import { runs } from './migrations/0003_runs.ts';
import { infrastructure } from './migrations/0004_infrastructure.ts';
import { releases } from './migrations/0005_releases.ts';
import { findings } from './migrations/0006_findings.ts';
import type { Schema } from './schema.ts';

export type Dialect = 'sqlite' | 'postgres';

interface Words {
  id: string;
  integer: string;
}

/** One step forward. Steps are never edited after a release, and there are none back. */
export interface Migration {
  version: number;
  statements(words: Words): string[];
  sqlite?: string[];
  postgres?: string[];
}

/** Every step there is, in order. */
export const MIGRATIONS: readonly Migration[] = [
  foundation,
  memory,
  runs,
  infrastructure,
  releases,
  findings,
];

/** What the dialects call the same thing; a released migration means these. */
export const WORDS: Record<Dialect, Words> = {
  sqlite: { id: 'integer primary key autoincrement', integer: 'integer' },
  postgres: { id: 'bigint generated always as identity primary key', integer: 'bigint' },
};

/** An id that no other program uses for an advisory lock: "MILL" in ASCII. */
const MIGRATION_LOCK = 0x4d494c4c;

/**
 * Brings the store to this program's version; safe when any number of processes start at once, because the
 * version is read inside the lock. Throws when the store was written by a newer program.
 *
 * @param transaction runs a function in one write transaction (`begin immediate` on SQLite)
 * @param steps the migrations this program knows
 */
export async function migrate(
  dialect: Dialect,
  transaction: (work: (tx: Kysely<Schema>) => Promise<void>) => Promise<void>,
  steps = MIGRATIONS,
): Promise<void> {
  await transaction(async (tx) => {
    if (dialect === 'postgres') await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(tx);
    await sql`create table if not exists schema_version (version integer primary key)`.execute(tx);
    const found = await sql<{
      version: number | null;
    }>`select max(version) as version from schema_version`.execute(tx);
    const current = found.rows[0]?.version ?? 0;
    const newest = steps.at(-1)?.version ?? 0;
    if (current > newest) throw new StoreTooNew(current, newest);
    for (const migration of steps.filter(({ version }) => version > current)) {
      const statements = [...migration.statements(WORDS[dialect]), ...(migration[dialect] ?? [])];
      for (const statement of statements) await sql.raw(statement).execute(tx);
      await sql`insert into schema_version (version) values (${migration.version})`.execute(tx);
    }
  });
}

/** The store belongs to a newer Millwright; nothing was changed. */
export class StoreTooNew extends Error {
  constructor(current: number, newest: number) {
    super(
      `This factory's store has schema ${current}; this Millwright knows schemas up to ${newest}. ` +
        'Install the newer Millwright that wrote it; nothing was changed.',
    );
    this.name = 'StoreTooNew';
  }
}
