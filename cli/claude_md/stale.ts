import { stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { Facts } from './facts.ts';

/** A command or path that a text names in code marks and that the repository does not have. */
export interface Stale {
  readonly line: number;
  readonly names: string;
}

const CODE = /`([^`\n]+)`/g;
const SCRIPT =
  /^(?:npm run|npm run-script|pnpm run|yarn run|bun run|node --run)(?: -{1,2}[\w-]+)* ([\w:.-]+)/;
const MAKE = /^make ([\w.-]+)/;
const PROGRAM = /^((?:\.\/)?(?:bin|scripts?)\/[\w.-]+)(?: |$)/;
/**
 * With a folder and an ending, in a folder that is there, or a document or setting of the root: `text/html` and
 * `origin/main` are no paths, and `words.ts` may lie anywhere.
 */
const PATH = /^(?:\.\/)?[\w.@-]+(?:\/[\w.@-]+)*\/?$/;
const OF_THE_ROOT = /^[\w.@-]+\.(?:md|jsonc?|ya?ml|toml|lock)$/;
/** A text about what agents read names both, and a repository has one. */
export const INSTRUCTIONS = ['CLAUDE.md', 'AGENTS.md'];
const ENDING = /\.(?:[cm]?[jt]sx?|json|jsonc|md|mdx|ya?ml|toml|rb|erb|lock|astro|css|html|sql|sh)$/;

/** What `text` (a CLAUDE.md or AGENTS.md) names between backticks and `root` does not have, in order of its lines. */
export async function staleNames(text: string, root: string, facts: Facts): Promise<Stale[]> {
  const found = text
    .split('\n')
    .flatMap((line, at) =>
      [...line.matchAll(CODE)].map(([, code = '']) => ({ line: at + 1, names: code.trim() })),
    );
  const missing = await Promise.all(found.map(({ names }) => isMissing(names, root, facts)));
  return found.filter((_, at) => missing[at]);
}

async function isMissing(code: string, root: string, { package: { scripts = {} }, targets, paths }: Facts) {
  const script = SCRIPT.exec(code)?.[1] ?? (/^(?:npm|pnpm|yarn) (test|start)\b/.exec(code) ?? [])[1];
  if (script !== undefined) return scripts[script] === undefined;
  const target = MAKE.exec(code)?.[1];
  if (target !== undefined) return !targets.has(target);
  const path = PROGRAM.exec(code)?.[1] ?? (isPath(code, paths) ? code : undefined);
  if (path === undefined || normalize(path).startsWith('..')) return false;
  return !(await stat(join(root, path)).catch(() => undefined));
}

function isPath(code: string, paths: ReadonlySet<string>): boolean {
  if (!PATH.test(code) || INSTRUCTIONS.includes(code)) return false;
  const [first = '', ...rest] = code.replace(/^\.\//, '').split('/');
  return rest.length > 0 ? ENDING.test(code) || paths.has(first) : OF_THE_ROOT.test(code);
}
