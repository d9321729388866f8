import { ToolError } from '../errors.ts';
import { sha256Hex } from '../signing/canonical.ts';
import type { BundleFile, WorkerVersion } from './target.ts';

/** Cloudflare's own bound for a Worker before compression, in bytes. */
export const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;
export const MAX_BUNDLE_FILES = 5_000;

const SEGMENT = /^[A-Za-z0-9_@+-][A-Za-z0-9._@+-]{0,127}$/;
/** Names that sites really give to files that are served as they are; no separator, no control character. */
const ASSET_SEGMENT = /^(?!\.{1,2}$)[^/\\\p{Cc}\p{Cf}]{1,128}$/u;
/** The folder of a bundle whose files are served as they are. */
export const ASSETS = 'assets/';
/** Files of `assets/` that are not served themselves: they say, as text, how the others are. */
export const ASSET_RULES: readonly string[] = ['_headers', '_redirects'];
/** The main module that the build gives a site without a Worker of its own: what is not an asset does not exist. */
export const ASSETS_ONLY = 'assets_only.js';

/**
 * The digest of a bundle's manifest, 64 hex digits: SHA-256 over one line `<sha256 of the bytes>  <path>\n` per
 * file, in order of path (the output of `sha256sum`, so that anybody can check it). The order of `files` is free.
 */
export function bundleDigest(files: readonly BundleFile[]): string {
  const lines = files.map(({ path, bytes }) => ({ path, line: `${sha256Hex(bytes)}  ${path}\n` }));
  lines.sort((a, b) => (a.path < b.path ? -1 : 1));
  return sha256Hex(lines.map(({ line }) => line).join(''));
}

/** Throws INVALID_INPUT unless the bundle is what it says: plain unique paths, within bounds, the right digest. */
export function checkBundle({
  bundle,
  files,
  config,
}: Pick<WorkerVersion, 'bundle' | 'files' | 'config'>): void {
  const refuse = (what: string) =>
    new ToolError('INVALID_INPUT', what, 'Cut the release again, so that its bundle is built anew.');
  const paths = new Set(files.map(({ path }) => path));
  if (paths.size !== files.length || files.length > MAX_BUNDLE_FILES) {
    throw refuse(`A bundle has at most ${MAX_BUNDLE_FILES} files, each path once.`);
  }
  if (files.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) > MAX_BUNDLE_BYTES) {
    throw refuse(`A bundle has at most ${MAX_BUNDLE_BYTES} bytes.`);
  }
  for (const path of paths) {
    if (!isBundlePath(path)) throw refuse(`${JSON.stringify(path)} is no path for a file of a bundle.`);
  }
  if (!paths.has(config.main)) throw refuse('The main module is not in the bundle.');
  if (bundleDigest(files) !== bundle)
    throw refuse('The bundle does not have the digest it was announced with.');
}

/** Whether `path` can name a file of a bundle: plain, or, under `assets/`, of any characters that are safe. */
export function isBundlePath(path: string): boolean {
  if (!path.startsWith(ASSETS)) return isPlainPath(path);
  const segments = path.slice(ASSETS.length).split('/');
  return path.length <= 512 && segments.every((segment) => ASSET_SEGMENT.test(segment));
}

/** Whether `path` is relative, in plain characters, and can't leave the folder it is joined to. */
export function isPlainPath(path: string): boolean {
  return path.length <= 512 && path.split('/').every((segment) => SEGMENT.test(segment));
}

/** Whether `path` is relative, in plain characters, with folders such as `.svelte-kit` allowed. */
export const isSourcePath = (path: string): boolean =>
  isPlainPath(path.replaceAll(/(^|\/)\.(?=[A-Za-z0-9_-])/g, '$1'));
