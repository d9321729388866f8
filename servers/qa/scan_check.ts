import { mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { temporaryPrefix } from '../core/census.ts';
import { readResult, type Sandbox } from '../core/sandbox/sandbox.ts';
import type { Check } from './checks.ts';
import { isLicenceFile, linkedFiles } from './scan/linked.ts';
import { dangerousPatterns, loosePins, packagesIn, secretsIn } from './scan/scan.ts';

const SKIPPED = new Set([
  'node_modules',
  '.git',
  'dist',
  'build',
  'coverage',
  '.wrangler',
  '.next',
  'vendor',
  'target',
]);
const MAX_FILES = 10_000;
const MAX_BYTES = 2_000_000;
const MANIFEST =
  /(?:^|\/)(?:package\.json|package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lock)$/;

/** Reads the sources: credentials, loose versions, licences, known vulnerabilities, dangerous shapes of code. */
export const scanCheck: Check = {
  name: 'scan',
  needs: 'folder',
  async run({ folder, sandbox }, { finding, notTested, progress }, signal) {
    if (folder === undefined || !sandbox)
      throw new Error('there are no sources, or nothing to contain a parser');
    const files = await filesIn(folder);
    progress(`${files.size} files`);
    const texts = new Map(
      [...files]
        .filter(([path]) => MANIFEST.test(path) || isLicenceFile(path))
        .map(([path, bytes]) => [path, `${bytes}`]),
    );
    for (const path of linkedFiles(texts)) {
      const bytes = await readResult(folder, path, MAX_BYTES).catch(() => undefined);
      if (bytes) texts.set(path, `${bytes}`);
    }
    const { findings: packages, licences } = packagesIn(texts);
    const patterns = await dangerousPatterns(sandbox, { folder, paths: [...files.keys()], signal });
    for (const found of [...secretsIn(files), ...loosePins(texts), ...packages, ...patterns]) finding(found);
    if (licences.length > 0)
      progress(
        `licences: ${licences
          .slice(0, 8)
          .map(({ licence, packages }) => `${licence} ${packages}`)
          .join(', ')}`,
      );
    for (const path of texts.keys())
      if (/(?:^|\/)(?:pnpm-lock\.yaml|yarn\.lock|bun\.lock)$/.test(path))
        notTested(
          `scan: licences and known vulnerabilities of what ${path} locks: only npm's lockfiles are read`,
        );
    for (const [path, text] of texts)
      if (posix.basename(path) === 'package-lock.json' && /"node_modules\//.test(text)) {
        const { why, named = 0 } = await audited(sandbox, {
          manifest: texts.get(posix.join(posix.dirname(path), 'package.json')) ?? '{}',
          lockfile: text,
          signal,
        });
        if (named > 0)
          finding({
            class: 'vulnerable-dependency',
            severity: 'medium',
            where: path,
            what: `npm audit names ${named} packages with a known vulnerability of high or critical severity.`,
            reproduce: 'npm audit --audit-level=high',
            confirmed: true,
          });
        if (why)
          notTested(
            `scan: known vulnerabilities of ${path}: ${why}; only a short list of them was looked up`,
          );
      }
  },
};

/** Asks the registry for advisories; answers with why that could not be done, or with what it found. */
async function audited(
  sandbox: Sandbox,
  { manifest, lockfile, signal }: { manifest: string; lockfile: string; signal: AbortSignal },
): Promise<{ why?: string; named?: number }> {
  const room = await realpath(await mkdtemp(join(tmpdir(), temporaryPrefix('run'))));
  try {
    await writeFile(join(room, 'package.json'), manifest);
    await writeFile(join(room, 'package-lock.json'), lockfile);
    const result = await sandbox.run({
      command: ['npm', 'audit', '--json', '--package-lock-only', '--audit-level=high', '--fetch-retries=0'],
      work: room,
      network: 'registry',
      env: { npm_config_cache: '/tmp/npm' },
      limits: { wallMs: 20_000 },
      signal,
    });
    const counts = /"vulnerabilities":\s*\{([^{}]*"total":[^{}]*)\}/.exec(result.stdout)?.[1];
    if (counts === undefined) return { why: 'the registry gives no advisories here' };
    const count = (severity: string) => Number(new RegExp(`"${severity}":\\s*(\\d+)`).exec(counts)?.[1] ?? 0);
    return { named: count('high') + count('critical') };
  } catch (error) {
    return { why: error instanceof Error ? error.message.slice(0, 200) : 'npm audit could not be run' };
  } finally {
    await rm(room, { recursive: true, force: true });
  }
}

/** Every plain file of a folder by its path, bounded in number and size; links are not followed. */
async function filesIn(folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const folders = [''];
  for (let at = folders.pop(); at !== undefined && files.size < MAX_FILES; at = folders.pop()) {
    for (const entry of await readdir(join(folder, at), { withFileTypes: true })) {
      const path = posix.join(at, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) folders.push(path);
      if (!entry.isFile()) continue;
      const bytes = await readResult(folder, path, MAX_BYTES).catch(() => undefined);
      if (bytes) files.set(path, bytes);
    }
  }
  return files;
}
