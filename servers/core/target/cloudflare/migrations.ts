import * as z from 'zod';
import { ToolError } from '../../errors.ts';
import { ApiRefusal, ApiUnanswered } from '../rest.ts';
import type { Migration } from '../target.ts';
import type { CloudflareClient } from './client.ts';
import { missingResource } from './missing.ts';
import { idsOf } from './resources.ts';

/** The table that wrangler keeps, to the letter: a database may be taken over by `wrangler d1 migrations`. */
const TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

const answers = z.array(z.object({ results: z.array(z.record(z.string(), z.unknown())).nullish() }));

/**
 * Applies migrations that their databases have not seen, in order of name, and returns the names of those applied.
 * A file and its row are sent as one query. When the answer is lost the table is asked whether it arrived. Throws
 * INVALID_INPUT with rule `release.migration` for a file that the database refuses; files before it stay applied.
 */
export async function applyMigrations(
  client: CloudflareClient,
  migrations: readonly Migration[],
): Promise<string[]> {
  if (migrations.length === 0) return [];
  const ids = await idsOf(client, 'd1');
  const applied: string[] = [];
  for (const database of new Set(migrations.map((migration) => migration.database))) {
    const id = ids.get(database);
    if (id === undefined) throw missingResource('D1 database', database);
    const own = migrations.filter((migration) => migration.database === database);
    applied.push(...(await applyTo(client, id, own)));
  }
  return applied;
}

async function applyTo(client: CloudflareClient, id: string, own: readonly Migration[]): Promise<string[]> {
  await query(client, id, TABLE, true);
  const seen = await namesSeen(client, id);
  const pending = own.filter(({ name }) => !seen.has(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const migration of pending) await applyOne(client, id, migration);
  return pending.map(({ name }) => name);
}

async function applyOne(client: CloudflareClient, id: string, migration: Migration): Promise<void> {
  const { name, sql } = migration;
  const note = `INSERT INTO d1_migrations (name) values ('${name.replaceAll("'", "''")}');`;
  try {
    await query(client, id, `${sql.trimEnd().replace(/;$/, '')};\n${note}`, false);
  } catch (error) {
    if (error instanceof ApiRefusal) throw refused(migration, error);
    if (!(error instanceof ApiUnanswered)) throw error;
    if (!(await namesSeen(client, id)).has(name)) throw error;
  }
}

async function namesSeen(client: CloudflareClient, id: string): Promise<Set<unknown>> {
  const [answer] = await query(client, id, 'SELECT name FROM d1_migrations ORDER BY id', true);
  return new Set((answer?.results ?? []).map((row) => row.name));
}

const query = (client: CloudflareClient, id: string, sql: string, repeatable: boolean) =>
  client.call(answers, {
    method: 'POST',
    path: `/accounts/:account/d1/database/${id}/query`,
    json: { sql },
    repeatable,
  });

/** The database's own words name tables and columns of the product; they are quoted, in one bounded line. */
const refused = ({ name, database }: Migration, error: ApiRefusal) =>
  new ToolError(
    'INVALID_INPUT',
    `The migration ${name} of the database ${database} fails. D1 says: ${JSON.stringify(
      String((error.cause as Error).message)
        .replace(/\s+/g, ' ')
        .slice(0, 300),
    )}`,
    'Correct the migration in the repository; it goes through the pipeline like any other change.',
    { rule: 'release.migration', cause: error },
  );
