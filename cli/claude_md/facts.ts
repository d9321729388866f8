import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { detectStack, type PackageFile, readPackage, type Stack } from '../stack.ts';

/** What a repository says about itself in the files of its root; nothing was run. */
export interface Facts {
  readonly stack: Stack;
  /** Files and folders of the root; those of `bin/`, `db/` and `docs/` as `bin/rails`. */
  readonly paths: ReadonlySet<string>;
  /** Empty where there is no package.json that can be read. */
  readonly package: PackageFile;
  /** Targets of the Makefile. */
  readonly targets: ReadonlySet<string>;
  /** The first line of prose in the README. */
  readonly readme: string | undefined;
}

const LOOKED_INTO = ['bin', 'db', 'docs'];

/** Reads the facts of the repository at `root`. Rejects when the folder cannot be read. */
export async function readFacts(root: string): Promise<Facts> {
  const text = (name: string) => readFile(join(root, name), 'utf8').catch(() => '');
  const inner = async (folder: string) =>
    (await readdir(join(root, folder)).catch(() => [])).map((name) => `${folder}/${name}`);
  const entries = await readdir(root);
  const makefile = entries.find((name) => /^(?:GNU)?makefile$/i.test(name));
  return {
    stack: await detectStack(root),
    paths: new Set([...entries, ...(await Promise.all(LOOKED_INTO.map(inner))).flat()]),
    package: await readPackage(root),
    targets: new Set(makefile ? targetsIn(await text(makefile)) : []),
    readme: firstProse(await text(entries.find((name) => /^readme(?:\.md)?$/i.test(name)) ?? '')),
  };
}

const targetsIn = (makefile: string) =>
  [...makefile.matchAll(/^([A-Za-z0-9][\w.-]*)\s*:(?!=)/gm)].map(([, target = '']) => target);

/** Headings, badges, quotes, lists and HTML are not it. */
const firstProse = (readme: string) =>
  readme.split('\n').find((line) => /^[\p{L}*_`"]/u.test(line) && !line.startsWith('```'));
