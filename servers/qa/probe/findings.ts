import { createHash } from 'node:crypto';
import { curl } from './curl.ts';
import { regressionTest } from './regression.ts';
import { perform } from './steps.ts';
import type { Exchange, Finding, HttpRequest, Severity, Suspicion } from './types.ts';

const MOST_OF_A_KIND = 10;
const EVIDENCE_CHARS = 400;
const RANK: Record<Severity, number> = { critical: 0, high: 1, medium: 2, low: 3 };

type Send = (request: HttpRequest) => Promise<Exchange>;

/** Sends a suspicion's requests again, with a new tag; undefined when they do not prove it. */
export async function replay(
  suspicion: Suspicion,
  tag: string,
  send: Send,
  origin: string,
): Promise<Finding | undefined> {
  const { steps, judge } = suspicion.experiment(tag);
  const groups: Exchange[][] = [];
  for (const step of steps) {
    const group = await perform(step, groups.flat(), send);
    if (group.length > 0) groups.push(group);
  }
  const found = await judge(groups.flat());
  if (found === undefined) return undefined;
  const { kind, severity, title, where } = suspicion;
  return {
    id: findingId(kind, where, title),
    kind,
    severity,
    title,
    where,
    reproduction: groups.map((group) => commands(origin, group)).join('\n'),
    regression: regressionTest(suspicion, groups, origin, found),
    evidence: excerpt(found),
    confirmed: true,
  };
}

/** What goes out at once is one line, ended by `wait`. */
const commands = (origin: string, group: Exchange[]): string =>
  group.length === 1
    ? group.map(({ request }) => curl(origin, request)).join('')
    : `${group.map(({ request }) => `${curl(origin, request)} &`).join(' ')} wait`;

/** The same defect has the same id in every run. */
export const findingId = (...parts: string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12);

/** At most 400 characters, without control characters. */
export const excerpt = (text: string): string =>
  text.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, EVIDENCE_CHARS);

/** Suspicions of the same thing have the same key. */
export const keyOf = ({ kind, title }: Suspicion): string => `${kind}\n${title}`;

/**
 * Worst first; at most a number of each kind, so that a product that fails everywhere still gets a readable report.
 * Each place has its first before any has its second.
 */
export function bounded(suspicions: Suspicion[], note: (text: string) => void): Suspicion[] {
  const deadPages = new Set(
    suspicions
      .filter(({ severity, kind }) => kind === 'server-error' && severity === 'critical')
      .map(({ where }) => where),
  );
  const kept = suspicions.filter(
    ({ kind, severity, where }) =>
      kind !== 'server-error' || severity === 'critical' || !deadPages.has(where),
  );
  const ofPlace = counted(kept, ({ kind, where }) => `${kind} ${where}`);
  const ofKind = counted(
    kept.toSorted(
      (a, b) => (ofPlace.get(a) ?? 0) - (ofPlace.get(b) ?? 0) || RANK[a.severity] - RANK[b.severity],
    ),
    ({ kind }) => kind,
  );
  for (const [{ kind }, index] of ofKind)
    if (index === MOST_OF_A_KIND)
      note(`More than ${MOST_OF_A_KIND} suspicions of ${kind}: the rest was not replayed.`);
  return kept
    .filter((one) => (ofKind.get(one) ?? 0) < MOST_OF_A_KIND)
    .toSorted((a, b) => RANK[a.severity] - RANK[b.severity]);
}

/** Which of its like each one is, from 0. */
function counted<T>(all: readonly T[], like: (one: T) => string): Map<T, number> {
  const counts = new Map<string, number>();
  return new Map(
    all.map((one) => {
      const index = counts.get(like(one)) ?? 0;
      counts.set(like(one), index + 1);
      return [one, index];
    }),
  );
}

/** Worst first. */
export const sortFindings = (findings: Finding[]): Finding[] =>
  findings.toSorted(
    (a, b) =>
      RANK[a.severity] - RANK[b.severity] || a.kind.localeCompare(b.kind) || a.where.localeCompare(b.where),
  );
