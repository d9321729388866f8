import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '../errors.ts';
import { readResult } from '../sandbox/sandbox.ts';
import type { Migration } from './target.ts';
import type { WorkerSource } from './worker_config.ts';

/** The names under which a project may keep its Worker config, in wrangler's order. */
const CONFIG_FILES = ['wrangler.json', 'wrangler.jsonc'];
const MAX_CONFIG_BYTES = 200_000;
const MAX_MIGRATION_BYTES = 1_000_000;
const MAX_MIGRATIONS = 1_000;

/** The text of the one Worker config of a checkout. Throws INVALID_INPUT when there is none, or more than one. */
export async function readConfigText(checkout: string): Promise<string> {
  const entries = await readdir(checkout);
  const found = CONFIG_FILES.filter((file) => entries.includes(file));
  const [file] = found;
  if (file === undefined || found.length > 1 || entries.includes('wrangler.toml')) {
    throw invalidCheckout(
      'The repository needs exactly one Worker config at its root: wrangler.jsonc or wrangler.json.',
    );
  }
  return (await readPlainFile(checkout, file, MAX_CONFIG_BYTES)).toString();
}

const INFRASTRUCTURE_FILE = 'infra.yaml';

/** The text of the file in which a product says what it needs, or undefined when it has none. */
export async function infrastructureText(checkout: string): Promise<string | undefined> {
  if (!(await readdir(checkout)).includes(INFRASTRUCTURE_FILE)) return undefined;
  return (await readPlainFile(checkout, INFRASTRUCTURE_FILE, MAX_CONFIG_BYTES)).toString();
}

/** The migrations of a project, per database in order of name. Files other than `*.sql` are passed over. */
export async function readMigrations(checkout: string, source: WorkerSource): Promise<Migration[]> {
  const migrations: Migration[] = [];
  for (const { database, directory } of source.migrations) {
    for (const name of await namesOfMigrations(join(checkout, directory))) {
      const sql = (await readPlainFile(checkout, `${directory}/${name}`, MAX_MIGRATION_BYTES)).toString();
      migrations.push({ database, name, sql });
    }
  }
  if (migrations.length > MAX_MIGRATIONS)
    throw invalidCheckout(`There are more than ${MAX_MIGRATIONS} migrations.`);
  return migrations;
}

async function namesOfMigrations(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((name) => name.endsWith('.sql')).sort();
}

/** Reads an ordinary file of a folder that others wrote; INVALID_INPUT for links, devices and large files. */
export async function readPlainFile(checkout: string, path: string, maxBytes: number): Promise<Buffer> {
  return readResult(checkout, path, maxBytes).catch((cause: unknown) => {
    throw invalidCheckout(`${path} must be an ordinary file of at most ${maxBytes} bytes.`, cause);
  });
}

/** An INVALID_INPUT about what a repository holds. */
export const invalidCheckout = (what: string, cause?: unknown) =>
  new ToolError('INVALID_INPUT', what, 'Correct the repository and submit again.', {
    rule: 'release.config',
    cause,
  });
