import * as z from 'zod';
import type { Finding } from '../finding.ts';
import { ADVISORIES, rangeOf } from './advisories.ts';

const locked = z.looseObject({
  version: z.string().optional(),
  license: z.string().optional().catch(undefined),
  dev: z.boolean().optional(),
  link: z.boolean().optional(),
});
const lockfile = z.looseObject({ packages: z.record(z.string(), locked).default({}) });

/** Licences that bind what is shipped with them, or that allow no use. */
const BINDING = /\b(?:A?GPL|SSPL|CC-BY-NC|UNLICENSED|BUSL)\b/i;
const FREE_CHOICE = /\bOR\b/i;
/** Whether a package's licence does not go with the one of the product that ships it. */
export const binds = (licence: string, own: string): boolean =>
  BINDING.test(licence) && !FREE_CHOICE.test(licence) && !/LGPL/i.test(licence) && !BINDING.test(own);

export interface PackageScan {
  findings: Finding[];
  /** Packages by licence, the most frequent first. */
  licences: { licence: string; packages: number }[];
}

/** What an npm lockfile says of its packages: their licences, and whether our list of advisories names them. */
export function scanPackages(path: string, text: string): PackageScan {
  const read = lockfile.safeParse(jsonOf(text));
  if (!read.success) return { findings: [], licences: [] };
  const { '': root, ...packages } = read.data.packages;
  const own = root?.license ?? '';
  const findings: Finding[] = [];
  const counts = new Map<string, number>();
  for (const [place, { version = '', license = 'not stated', dev = false, link }] of Object.entries(
    packages,
  )) {
    if (link || !place.includes('node_modules/')) continue;
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    counts.set(license, (counts.get(license) ?? 0) + 1);
    const base = {
      where: `${path}: ${name}@${version}`,
      confirmed: true,
      reproduce: `npm ls ${name}`,
    } as const;
    if (binds(license, own)) findings.push(licenceFinding(base, { name, licence: license, own, dev }));
    for (const advisory of ADVISORIES.get(name) ?? []) {
      const range = rangeOf(advisory, version);
      if (range === undefined) continue;
      const { ghsa, cve, what, severity } = advisory;
      const mended = range[1] === undefined ? 'No version is mended.' : `It is mended in ${range[1]}.`;
      findings.push({
        ...base,
        class: 'vulnerable-dependency',
        severity: dev ? 'low' : severity,
        what: `${name} ${version} has ${cve} (${ghsa}): ${what}. ${mended}`,
      });
    }
  }
  const licences = [...counts].map(([licence, number]) => ({ licence, packages: number }));
  return { findings, licences: licences.toSorted((a, b) => b.packages - a.packages) };
}

/** The finding of a licence that does not go with the product's. */
export const licenceFinding = (
  base: Pick<Finding, 'where' | 'confirmed' | 'reproduce'>,
  { name, licence, own, dev }: { name: string; licence: string; own: string; dev: boolean },
): Finding => ({
  ...base,
  class: 'licence',
  severity: dev ? 'low' : 'medium',
  what: `${name} is under ${licence}, which binds what is shipped with it; the product is under ${own || 'no stated licence'}.`,
});

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
