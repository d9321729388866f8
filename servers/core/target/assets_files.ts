import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import ignore from 'ignore';
import type { Layer } from '../sandbox/sandbox.ts';
import { invalidCheckout, readPlainFile } from './checkout_files.ts';
import { ASSETS, isBundlePath, MAX_BUNDLE_BYTES } from './digest.ts';
import type { BundleFile } from './target.ts';

/** What only tells tools what to take, and code. */
const LEFT_OUT = ['.assetsignore', '_worker.js', '_routes.json'];
const IGNORE = '.assetsignore';
const MAX_IGNORE_BYTES = 100_000;
const PACKAGES = 'node_modules/';

/**
 * The files of a folder that is served as it is, under `assets/`, but what its `.assetsignore` names; with its
 * `_headers` and `_redirects`, which say how it is served. A folder of a
 * package is read where the dependencies are. Throws INVALID_INPUT with rule `release.config`.
 */
export async function readAssets(
  checkout: string,
  directory: string,
  layers: readonly Layer[] = [],
): Promise<BundleFile[]> {
  const layer = layers.find(({ at }) => at === '/node_modules');
  const [base, folder] =
    layer && directory.startsWith(PACKAGES)
      ? [layer.from, directory.slice(PACKAGES.length)]
      : [checkout, directory];
  const root = join(base, folder);
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw invalidCheckout(
      `The folder of assets ${directory} is not in the repository, and no build made it: name the script of package.json that does, or commit it.`,
      cause,
    );
  });
  const files = entries.filter((entry) => !entry.isDirectory());
  const paths = files.map((entry) => relative(root, join(entry.parentPath, entry.name))).sort();
  const ignored = ignore().add(
    paths.includes(IGNORE)
      ? (await readPlainFile(base, `${folder}/${IGNORE}`, MAX_IGNORE_BYTES)).toString()
      : [],
  );
  const bundled: BundleFile[] = [];
  let left = MAX_BUNDLE_BYTES;
  for (const path of paths.filter(
    (one) => !LEFT_OUT.includes(one.split('/')[0] ?? '') && !ignored.ignores(one),
  )) {
    if (!isBundlePath(`${ASSETS}${path}`))
      throw invalidCheckout(`An asset has the name ${JSON.stringify(path.slice(0, 200))}.`);
    const bytes = await readPlainFile(base, `${folder}/${path}`, left);
    left -= bytes.byteLength;
    bundled.push({ path: `${ASSETS}${path}`, bytes });
  }
  return bundled;
}
