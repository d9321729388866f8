import * as z from 'zod';
import type { Finding } from '../finding.ts';
import { ADVISORIES, isBefore } from './advisories.ts';

const locked = z.looseObject({
  version: z.string().optional(),
  license: z.string().optional(),
  dev: z.boolean().optional(),
  link: z.boolean().optional(),
});
const lockfile = z.looseObject({ packages: z.record(z.string(), locked).default({}) });

/** Licences that bind what is shipped with them, or that allow no use. */
const BINDING = /\b(?:A?GPL|SSPL|CC-BY-NC|UNLICENSED|BUSL)\b/i;
const FREE_CHOICE = /\bOR\b/i;

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
    if (BINDING.test(license) && !FREE_CHOICE.test(license) && !/LGPL/i.test(license) && !BINDING.test(own))
      findings.push({
        ...base,
        class: 'licence',
        severity: dev ? 'low' : 'medium',
        what: `${name} is under ${license}, which binds what is shipped with it; the product is under ${own || 'no stated licence'}.`,
      });
    for (const { id, below, what, severity } of ADVISORIES.get(name) ?? [])
      if (isBefore(version, below))
        findings.push({
          ...base,
          class: 'vulnerable-dependency',
          severity: dev ? 'low' : severity,
          what: `${name} ${version} has ${id}: ${what}. It is mended in ${below}.`,
        });
  }
  const licences = [...counts].map(([licence, number]) => ({ licence, packages: number }));
  return { findings, licences: licences.toSorted((a, b) => b.packages - a.packages) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
