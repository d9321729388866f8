import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { ToolError } from '../errors.ts';
import { readResult } from '../sandbox/sandbox.ts';
import type { Migration } from './target.ts';
import type { WorkerSource } from './worker_config.ts';

/** The names under which a project may keep its Worker config, in wrangler's order. */
const CONFIG_FILES = ['wrangler.json', 'wrangler.jsonc', 'wrangler.toml'];
/** How far a config is looked for that is not at the root, and how many folders are named. */
const CONFIG_DEPTH = 4;
const CONFIG_FOLDERS = 200;
const CONFIG_SHOWN = 3;
const MAX_PACKAGE_BYTES = 1_000_000;
const MAX_CONFIG_BYTES = 200_000;
const MAX_MIGRATION_BYTES = 1_000_000;
const MAX_MIGRATIONS = 1_000;

/**
 * The one Worker config of a checkout, as JSONC; one in TOML is turned into it. Throws INVALID_INPUT when there is
 * none or more than one, and when a script of package.json deploys an environment: it would make a second Worker
 * without the bindings and secrets of the first.
 */
export async function readConfigText(checkout: string): Promise<string> {
  const entries = await readdir(checkout);
  const found = CONFIG_FILES.filter((file) => entries.includes(file));
  const [file] = found;
  if (file === undefined || found.length > 1) {
    const below = file === undefined ? await foldersWithConfig(checkout) : [];
    const where = below.length === 0 ? '' : ` There is one in ${below.join(', ')}: ship that folder.`;
    throw invalidCheckout(
      `The repository needs exactly one Worker config at its root: wrangler.jsonc, wrangler.json or wrangler.toml.${where}`,
    );
  }
  if (entries.includes('package.json')) await refuseEnvironmentFlags(checkout);
  const text = (await readPlainFile(checkout, file, MAX_CONFIG_BYTES)).toString();
  return file.endsWith('.toml') ? JSON.stringify(fromToml(text)) : text;
}

/** The first folders below the root that hold a Worker config, in plain characters. */
async function foldersWithConfig(checkout: string): Promise<string[]> {
  const found: string[] = [];
  let folders = [''];
  for (let depth = 0; depth < CONFIG_DEPTH && found.length < CONFIG_SHOWN; depth += 1) {
    const below: string[] = [];
    for (const folder of folders.slice(0, CONFIG_FOLDERS)) {
      const entries = await readdir(join(checkout, folder), { withFileTypes: true });
      if (folder !== '' && entries.some(({ name }) => CONFIG_FILES.includes(name))) found.push(folder);
      const deeper = entries.filter(
        (entry) => entry.isDirectory() && /^(?!node_modules$)\w[\w.-]*$/.test(entry.name),
      );
      below.push(...deeper.map(({ name }) => join(folder, name)));
    }
    folders = below.sort();
  }
  return found.slice(0, CONFIG_SHOWN);
}

function fromToml(text: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw invalidCheckout('The Worker config is not valid TOML.', cause);
  }
}

/** `wrangler deploy --env x`, `-e x`, `--env=x`; an empty one is the top level. */
const ENVIRONMENT = /\bwrangler\b[^&|;]*?\s(?:--env|-e)(?:[= ]\s*(?!""|''|-)\S)/;

async function refuseEnvironmentFlags(checkout: string): Promise<void> {
  const text = (await readPlainFile(checkout, 'package.json', MAX_PACKAGE_BYTES)).toString();
  const { scripts } = (safeJson(text) ?? {}) as { scripts?: Record<string, unknown> };
  const [named] = Object.entries(scripts ?? {}).find(([, script]) => ENVIRONMENT.test(String(script))) ?? [];
  if (named === undefined) return;
  throw invalidCheckout(
    `The script ${JSON.stringify(named.slice(0, 60))} of package.json calls wrangler with --env: an environment is a second Worker without the bindings and secrets of the first.`,
  );
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidCheckout('package.json is not valid JSON.');
  }
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
