import { posix } from 'node:path';
import * as z from 'zod';
import type { Sandbox } from '../../core/sandbox/sandbox.ts';
import { pinFaults } from '../../core/sources/pins.ts';
import { secretsAdded } from '../../core/sources/secrets.ts';
import type { Finding } from '../finding.ts';
import { programFor } from '../program.ts';
import { PATTERNS } from '../sources/rules.ts';
import { runOnSources } from '../suite/proof.ts';
import { linkedPackages } from './linked.ts';
import { binds, licenceFinding, type PackageScan, scanPackages } from './packages.ts';

const found = z.object({
  found: z.array(z.object({ rule: z.string(), path: z.string(), line: z.int(), text: z.string() })),
});
const CODE = /\.(?:[cm]?[jt]s|[jt]sx)$/;
/** Tests do dangerous things on purpose, and what a tool wrote is its author's. */
const NOT_READ =
  /(?:^|\/)(?:node_modules|dist|build|coverage|vendor|tests?|__tests__|spec|fixtures)\/|\.(?:test|spec|min)\.[^/]+$/;

/**
 * Dangerous shapes of code in the sources named; the parser runs in the sandbox.
 *
 * @throws Error when the sources could not be read, which is no clean result
 */
export async function dangerousPatterns(
  sandbox: Sandbox,
  { folder, paths, signal }: { folder: string; paths: readonly string[]; signal: AbortSignal },
): Promise<Finding[]> {
  const code = paths.filter((path) => CODE.test(path) && !NOT_READ.test(path)).slice(0, 20_000);
  if (code.length === 0) return [];
  const job = { task: 'patterns', paths: code };
  const report = found.safeParse(
    await runOnSources(sandbox, { sources: folder, signal }, programFor(sandbox, 'qa-sources'), job),
  );
  if (!report.success) throw new Error('the sources could not be read for dangerous patterns');
  return report.data.found.slice(0, 500).flatMap(({ rule, path, line, text }) => {
    const known = PATTERNS.find(({ id }) => id === rule);
    if (!known) return [];
    const finding: Finding = {
      class: 'dangerous-pattern',
      severity: known.severity,
      where: `${path}:${line}`,
      what: `${known.id}: ${known.what} Here: ${text}`,
      reproduce: `sed -n ${line}p ${path}`,
      confirmed: true,
    };
    return [finding];
  });
}

/** Credentials in files, by their full text. */
export const secretsIn = (files: ReadonlyMap<string, Buffer>): Finding[] =>
  [...files].flatMap(([path, bytes]) =>
    secretsAdded(path, undefined, bytes).map(({ line, what }) => ({
      class: 'secret',
      severity: 'high' as const,
      where: `${path}:${line}`,
      what: `A credential stands in the sources: ${what}.`,
      reproduce: `git log --oneline -- ${path}`,
      confirmed: true,
    })),
  );

/** Versions that are not exact, and lockfiles that are missing or out of step. */
export const loosePins = (texts: ReadonlyMap<string, string>): Finding[] =>
  pinFaults(
    [...texts.keys()],
    (path) => texts.get(path),
    () => undefined,
  ).map((what) => ({
    class: 'unpinned',
    severity: 'medium' as const,
    where: what.split(/:? /, 1)[0] ?? 'package.json',
    what,
    reproduce: 'npm ls --all',
    confirmed: true,
  }));

/** Licences and advisories of every npm lockfile, and the licences of what lies in the project itself. */
export function packagesIn(texts: ReadonlyMap<string, string>): PackageScan {
  const scans = [...texts]
    .filter(([path]) => posix.basename(path) === 'package-lock.json')
    .map(([path, text]) => scanPackages(path, text));
  const linked = linkedPackages(texts)
    // Work of one's own that is not for others says so with the same word.
    .filter(({ licence, own }) => licence !== 'UNLICENSED' && binds(licence, own))
    .map((one) => {
      const where = `${one.by}: ${one.name}@${one.version || 'no version'}`;
      return licenceFinding({ where, confirmed: true, reproduce: `npm ls ${one.name}` }, one);
    });
  return {
    findings: [...scans.flatMap(({ findings }) => findings), ...linked],
    licences: scans.flatMap(({ licences }) => licences),
  };
}
