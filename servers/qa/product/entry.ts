import { readFile, stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { parse } from 'jsonc-parser';
import { manifestOf, type Plan } from '../sources.ts';

/**
 * The file of a folder that is started, relative to it: a Worker's `main`, or what the script of package.json runs.
 * Where no file can be named, it is the one that says how to start. Undefined for pages and sources alone.
 */
export async function entryOf(folder: string, plan: Plan): Promise<string | undefined> {
  if (plan.kind === 'worker') {
    const config: unknown = parse(await readFile(join(folder, plan.config), 'utf8').catch(() => '{}'));
    const main = (config as { main?: unknown } | undefined)?.main;
    return typeof main === 'string' ? normalize(main) : plan.config;
  }
  if (plan.kind !== 'command') return undefined;
  const [program = '', ...args] = plan.command;
  if (program !== 'npm') return (await firstFile(folder, args)) ?? program;
  return (await fileOfScript(folder, args.at(-1) ?? 'start', 0)) ?? 'package.json';
}

/** Follows `npm run` from one script to another, a few steps. */
async function fileOfScript(folder: string, script: string, depth: number): Promise<string | undefined> {
  const { scripts } = await manifestOf(folder);
  const words = (scripts[script] ?? '').split(/[\s;&|]+/);
  const next = /\bnpm(?: run)?(?: -\S+)* ([\w:-]+)/.exec(scripts[script] ?? '')?.[1];
  const file = await firstFile(folder, words);
  return file === undefined && next !== undefined && depth < 3 ? fileOfScript(folder, next, depth + 1) : file;
}

async function firstFile(folder: string, words: readonly string[]): Promise<string | undefined> {
  for (const word of words) {
    const path = normalize(word.replace(/^['"]|['"]$/g, ''));
    if (!/\.[cm]?[jt]sx?$|\.py$|\.rb$|\.go$/.test(path) || path.startsWith('..')) continue;
    const info = await stat(join(folder, path)).catch(() => undefined);
    if (info?.isFile()) return path;
  }
  // It is named and not there: that is why nothing starts.
  return words.map((word) => normalize(word)).find((word) => /^[\w./-]+\.[cm]?[jt]s$/.test(word));
}
