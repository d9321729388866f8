import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Database } from '../src/db.ts';

const MIGRATIONS = new URL('../migrations/', import.meta.url);

/** An empty database in memory with every migration applied, behind the same interface as D1. */
export function openDatabase(): Database {
  const sqlite = new DatabaseSync(':memory:');
  for (const file of readdirSync(MIGRATIONS).sort()) {
    sqlite.exec(readFileSync(new URL(file, MIGRATIONS), 'utf8'));
  }
  return { prepare: (sql) => statement(sqlite, sql, []) };
}

function statement(sqlite: DatabaseSync, sql: string, values: (string | number)[]) {
  return {
    bind: (...bound: (string | number)[]) => statement(sqlite, sql, bound),
    run: async () => sqlite.prepare(sql).run(...values),
    all: async <Row>() => ({ results: sqlite.prepare(sql).all(...values) as Row[] }),
  };
}
