import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, extname, join, relative, resolve, sep } from 'node:path';
import { textField } from '../field.ts';
import type { Input } from '../types.ts';
import { type Node, nameOf, nodesIn, parseSource, textOf } from './ast.ts';
import { type Codes, readsOf } from './fields.ts';
import { mountsOf, type Route, routesOf } from './routes.ts';

const CODE = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']);
const TEXTS = new Set(['.sql', '.json']);
const SKIPPED =
  /(^|\/)(node_modules|\.[^/]+|tests?|__tests__|spec|coverage|scripts)(\/|$)|\.(test|spec|d|config|min)\.[cm]?[jt]s$|package-lock/;
const MOST_FILES = 400;
const MOST_BYTES = 2_000_000;
const MOST_INPUTS = 150;
/** Words in capitals that are no code somebody types in. */
const NO_CODE =
  /^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|SELECT|INSERT|UPDATE|CREATE|TABLE|WHERE|FROM|INTO|VALUES|UTF-?8|HTTPS?|JSON|HTML|NULL|TRUE|FALSE|[A-Z]+_ERROR|[A-Z]+_CONSTRAINT.*|ERR_.*|PORT|HOST|NODE_ENV|SIGTERM|SIGINT|HS256|RS256|SHA-?\d+|AES-.*|PBKDF2|HMAC)$/;

interface Source {
  /** Relative to the folder, with slashes. */
  path: string;
  text: string;
  tree?: Node;
}

/**
 * The routes of a product and what they read, from its source: those of Hono, Express and alike, of Next's folders,
 * and of handlers that compare paths themselves. Nothing is run. What can't be read is left out. `settings` are values
 * that the product is started with: what somebody has to know may be among them.
 */
export async function readSources(folder: string, settings: readonly string[] = []): Promise<Input[]> {
  const sources = await readAll(folder);
  const codes = { typed: codesIn(sources), settings };
  const mounted = mountedFiles(sources);
  const inputs = sources.flatMap(({ path, tree }) => {
    if (!tree) return [];
    const routes = [...routesOf(tree, mounted.get(path) ?? ''), ...nextRoutes(path, tree)];
    return routes.map((route) => inputOf(route, tree, codes));
  });
  return inputs.slice(0, MOST_INPUTS);
}

async function readAll(folder: string): Promise<Source[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter(
      (path) =>
        (CODE.has(extname(path)) || TEXTS.has(extname(path)) || /\/page\.[jt]sx$/.test(path)) &&
        !SKIPPED.test(path),
    )
    .sort()
    .slice(0, MOST_FILES);
  const sources: Source[] = [];
  for (const path of paths) {
    const file = join(folder, path);
    if ((await stat(file)).size > MOST_BYTES) continue;
    const text = await readFile(file, 'utf8');
    const read = CODE.has(extname(path)) ? parseSource(text, /\.[cm]?ts$/.test(path)) : undefined;
    sources.push({ path, text, ...(read ? { tree: read.tree } : {}) });
  }
  return sources;
}

/** For each file the path under which another file hangs its router up. */
function mountedFiles(sources: readonly Source[]): Map<string, string> {
  const mounted = new Map<string, string>();
  for (const { path, tree } of sources) {
    if (!tree) continue;
    const imported = new Map(
      nodesIn(tree)
        .filter(({ type }) => type === 'ImportDeclaration')
        .flatMap(({ source, specifiers }) =>
          ((specifiers as Node[]) ?? []).map(({ local }): [string, string] => [
            nameOf(local) ?? '',
            textOf(source) ?? '',
          ]),
        ),
    );
    for (const { path: at, router } of mountsOf(tree)) {
      const file = fileOf(sources, path, imported.get(router) ?? '');
      if (file !== undefined) mounted.set(file, (mounted.get(path) ?? '') + at);
    }
  }
  return mounted;
}

function fileOf(sources: readonly Source[], from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const bare = relative('/', resolve('/', dirname(from), specifier))
    .split(sep)
    .join('/')
    .replace(/\.[cm]?[jt]s$/, '');
  return sources.find(({ path }) => [bare, `${bare}/index`].includes(path.replace(/\.[cm]?[jt]s$/, '')))
    ?.path;
}

/** Routes of Next, which are folders: `app/…/route.ts` with a function for each method, and `pages/api/…`. */
function nextRoutes(path: string, tree: Node): Route[] {
  const app = /(?:^|\/)app\/(?:(.*)\/)?route\.[cm]?[jt]s$/.exec(path);
  const page = /(?:^|\/)pages\/(api\/.*?)(?:\/index)?\.[cm]?[jt]s$/.exec(path);
  const folder = app ? (app[1] ?? '') : page?.[1];
  if (folder === undefined) return [];
  const address = `/${folder
    .split('/')
    .filter((part) => part !== '' && !/^\(.*\)$/.test(part))
    .map((part) => part.replace(/^\[(?:\.\.\.)?(\w+)\]$/, '{$1}'))
    .join('/')}`;
  const named = nodesIn(tree).filter(
    (node) =>
      (node.type === 'FunctionDeclaration' || node.type === 'VariableDeclarator') &&
      /^(GET|POST|PUT|PATCH|DELETE)$/.test(nameOf(node.id) ?? ''),
  );
  if (app) return named.map((node) => ({ method: nameOf(node.id) ?? 'GET', path: address, handler: node }));
  const words = nodesIn(tree)
    .flatMap((node) => textOf(node) ?? [])
    .filter((text) => /^(POST|PUT|PATCH|DELETE)$/.test(text));
  return [...new Set(['GET', ...words])].map((method) => ({ method, path: address, handler: tree }));
}

function inputOf({ method, path, handler }: Route, tree: Node, codes: Codes): Input {
  const { encoding, fields, headers, openCookie } = readsOf(handler, tree, codes);
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => textField(name, 'path'));
  const isRead = method === 'GET';
  const own = fields.filter(
    ({ place, name }) => (isRead ? place === 'query' : true) && !inPath.some((one) => one.name === name),
  );
  const isEmpty = isRead || encoding === 'none';
  return {
    method,
    path,
    encoding: isEmpty ? 'none' : encoding,
    fields: [...inPath, ...own],
    origin: 'source',
    headers,
    ...(openCookie !== undefined && { openCookie }),
  };
}

/** What looks like a code that somebody types in: capitals and digits, in quotes. */
const codesIn = (sources: readonly Source[]): string[] => [
  ...new Set(
    sources
      .flatMap(({ text }) =>
        [...text.slice(0, 200_000).matchAll(/(['"`])([A-Z][A-Z0-9-]{3,19})\1/g)].map(
          ([, , code = '']) => code,
        ),
      )
      .filter((code) => !NO_CODE.test(code)),
  ),
];
