import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

const NAMES = /^(.+[.-])?(openapi|swagger|api-?spec|api)([.-].+)?\.(json|ya?ml)$/i;
const LEFT_OUT = /^(node_modules|\..*|dist|build|coverage|tests?)$/;
const DEPTH = 3;
const MOST_BYTES = 2_000_000;
const MOST_FILES = 20;

/** The OpenAPI 3 document that lies among a product's sources, parsed; undefined where there is none. */
export async function openApiIn(folder: string): Promise<unknown> {
  for (const path of (await candidates(folder, 0)).slice(0, MOST_FILES)) {
    if ((await stat(path)).size > MOST_BYTES) continue;
    const document = read(await readFile(path, 'utf8'), path.endsWith('.json'));
    if (typeof document === 'object' && document !== null && 'openapi' in document && 'paths' in document)
      return document;
  }
  return undefined;
}

/** The nearest to the root first. */
async function candidates(folder: string, depth: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile() && NAMES.test(entry.name))
    .map(({ name }) => join(folder, name))
    .sort();
  const folders = entries.filter((entry) => entry.isDirectory() && !LEFT_OUT.test(entry.name));
  if (depth >= DEPTH) return files;
  const below = await Promise.all(folders.map(({ name }) => candidates(join(folder, name), depth + 1)));
  return [...files, ...below.flat()];
}

function read(text: string, isJson: boolean): unknown {
  try {
    return isJson ? JSON.parse(text) : parse(text, { maxAliasCount: 50 });
  } catch {
    return undefined;
  }
}
