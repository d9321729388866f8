import type { Miniflare } from 'miniflare';
import { ToolError } from '../../errors.ts';
import type { Migration } from '../target.ts';
import { STORE_WORKER } from './workerd_options.ts';

type Database = Awaited<ReturnType<Miniflare['getD1Database']>>;

/** The table that wrangler keeps, to the letter: a database may be taken over by `wrangler d1 migrations`. */
const TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/**
 * Applies migrations that their databases have not seen, in order of name, and returns the names of those applied.
 *
 * A file and its row in `d1_migrations` are one transaction, so a file that fails leaves nothing behind. Throws
 * INVALID_INPUT that names the file; files before it stay applied, later ones stay pending.
 */
export async function applyMigrations(
  miniflare: Miniflare,
  migrations: readonly Migration[],
): Promise<string[]> {
  const applied: string[] = [];
  for (const name of new Set(migrations.map(({ database }) => database))) {
    const database = await miniflare.getD1Database(`d1:${name}`, STORE_WORKER);
    const pending = migrations.filter((migration) => migration.database === name);
    applied.push(...(await applyTo(database, pending)));
  }
  return applied;
}

async function applyTo(database: Database, migrations: readonly Migration[]): Promise<string[]> {
  await database.prepare(TABLE).run();
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all();
  const seen = new Set(results.map((row: Record<string, unknown>) => row.name));
  const pending = migrations.filter(({ name }) => !seen.has(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const migration of pending) await applyOne(database, migration);
  return pending.map(({ name }) => name);
}

async function applyOne(database: Database, { name, sql, database: where }: Migration): Promise<void> {
  const note = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name);
  try {
    await database.batch([database.prepare(sql), note]);
  } catch (cause) {
    throw new ToolError(
      'INVALID_INPUT',
      `The migration ${name} of the database ${where} fails and was rolled back as a whole. SQLite says: ${reason(cause)}`,
      'Correct the migration in the repository; it goes through the pipeline like any other change.',
      { rule: 'release.migration', cause },
    );
  }
}

/** SQLite's own words, which name tables and columns of the product, quoted, in one bounded line. */
function reason(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : 'the database gave no reason.';
  return JSON.stringify(text.replace(/\s+/g, ' ').slice(0, 300));
}
