import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a repository is made with, and what closes its smoke gate. */
export interface Stack {
  /** `astro`, `nextjs`, `hono-workers`, `rails`, `node-library` or `other`. */
  readonly name: string;
  readonly signs: readonly string[];
  /** The command of its tests; undefined when it has none. */
  readonly test: readonly string[] | undefined;
}

/** The parts of a package.json that say how a repository is worked on. */
export interface PackageFile {
  name?: string;
  description?: string;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  engines?: Record<string, string>;
  workspaces?: unknown;
}

/** What `npm init` writes for a package without tests. */
const NO_TEST = /no test specified/;

/** Looks at the files of a repository's root; runs nothing. */
export async function detectStack(repository: string): Promise<Stack> {
  const entries = await readdir(repository);
  const has = (pattern: RegExp) => entries.some((entry) => pattern.test(entry));
  const found = entries.includes('package.json') ? await readPackage(repository) : undefined;
  const uses = (name: string) => Boolean(found?.dependencies?.[name] ?? found?.devDependencies?.[name]);
  const kinds: [string, boolean, string][] = [
    ['astro', uses('astro') || has(/^astro\.config\./), 'Astro'],
    ['nextjs', uses('next') || has(/^next\.config\./), 'Next.js'],
    ['hono-workers', has(/^wrangler\.(jsonc?|toml)$/), 'Cloudflare Workers'],
    ['rails', has(/^Gemfile$/), 'Ruby (Gemfile)'],
    ['node-library', found !== undefined, 'package.json'],
  ];
  const present = kinds.filter(([, is]) => is);
  const [name = 'other'] = present[0] ?? [];
  return { name, signs: present.map(([, , sign]) => sign), test: testOf(found, entries) };
}

function testOf(found: PackageFile | undefined, entries: readonly string[]): readonly string[] | undefined {
  const script = found?.scripts?.test;
  if (script !== undefined && !NO_TEST.test(script)) return ['node', '--run', 'test'];
  if (!entries.includes('Gemfile')) return undefined;
  if (entries.includes('spec')) return ['bundle', 'exec', 'rspec'];
  return entries.includes('test') ? ['bundle', 'exec', 'rake', 'test'] : undefined;
}

/** A package.json that is missing or cannot be read as JSON is one without scripts. */
export async function readPackage(repository: string): Promise<PackageFile> {
  try {
    const parsed: unknown = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}
