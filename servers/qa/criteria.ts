import type { ConditionState } from '../core/conditions.ts';
import { isMachineGate } from '../core/gates.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db } from '../core/store/store.ts';
import type { Finding } from './finding.ts';
import type { Report } from './report.ts';
import type { SuiteEvidence } from './suite_evidence.ts';

/** A criterion with its checks; `fault` is why it does not count as shown. */
export interface JudgedCriterion {
  criterion: string;
  checks: string[];
  fault: string | null;
}

/** A criterion as a person's file names it; `where` is its place there. */
export interface Criterion {
  criterion: string;
  checks: readonly string[];
  where: string;
}

/** What ran: checks are looked up here, never believed. */
export interface Checked {
  suite: Pick<SuiteEvidence, 'tests' | 'proof'> | undefined;
  probe: Pick<Report, 'checks' | 'findings'> | undefined;
  gates: readonly ConditionState[];
}

/** What ran on a commit, whole. */
export interface Ran extends Checked {
  suite: SuiteEvidence | undefined;
  probe: Report | undefined;
}

/** A finding for each criterion that nothing which ran and passed shows. */
export const untiedCriteria = (criteria: readonly Criterion[], ran: Checked): Finding[] =>
  criteria.flatMap(({ criterion, checks, where }) => {
    const fault = faultOf(checks, ran);
    const what = `The criterion "${criterion.slice(0, 300)}" ${fault}.`;
    const base = { class: 'untied-criterion', severity: 'high', where, what } as const;
    return fault === null ? [] : [{ ...base, reproduce: 'Look for its test.', confirmed: true }];
  });

/** The acceptance criteria of the task that a change was submitted for. */
export async function criteriaOf(db: Db, { task }: Pick<Row<'submissions'>, 'task'>): Promise<string[]> {
  const row = await db.selectFrom('tasks').select('criteria').where('id', '=', task).executeTakeFirst();
  const criteria: unknown = JSON.parse(row?.criteria ?? '[]');
  return Array.isArray(criteria) ? criteria.map(String) : [];
}

/**
 * Judges each criterion by the checks that it is tied to: every one has run on this commit and passed.
 *
 * @param tied per criterion, in their order, the checks that show it
 */
export const judgeCriteria = (
  criteria: readonly string[],
  tied: readonly (readonly string[])[],
  ran: Ran,
): JudgedCriterion[] =>
  criteria.map((criterion, index) => {
    const checks = [...(tied[index] ?? [])];
    return { criterion, checks, fault: faultOf(checks, ran) };
  });

function faultOf(checks: readonly string[], ran: Checked): string | null {
  if (checks.length === 0) return 'is tied to no check';
  for (const check of checks) {
    const fault = checkFault(check, ran);
    if (fault) return `"${check.slice(0, 160)}" ${fault}`;
  }
  const { without } = ran.suite?.proof ?? {};
  const hollow = without && 'passing' in without ? without.passing : [];
  return checks.every((check) => hollow.some((id) => isNamed(id, check)))
    ? 'is tied only to tests of the change that pass without the change too: they prove nothing'
    : null;
}

/** Why a check shows nothing; undefined when it ran on this commit and passed. */
function checkFault(check: string, { suite, probe, gates }: Checked): string | undefined {
  const [, kind, name = ''] = /^(gate|probe):(.+)$/.exec(check) ?? [];
  if (kind === 'gate') {
    const gate = gates.find((one) => one.name === name && isMachineGate(name));
    return gate?.state === 'closed' ? undefined : 'is not closed on this commit';
  }
  if (kind === 'probe') {
    const attack = probe?.checks.find((one) => one.name === name);
    if (!attack?.ran || attack.requests === 0) return 'did not run on this commit';
    return probe?.findings.some((finding) => finding.kind === name) ? 'found something' : undefined;
  }
  const rows = suite?.tests.filter(([, id]) => isNamed(id, check)) ?? [];
  if (rows.length === 0) return 'did not run on this commit';
  return rows.every(([state]) => state === 'passed')
    ? undefined
    : `has ${rows.find(([state]) => state !== 'passed')?.[0]}`;
}

/** By its id, or by its name where no file is given. */
const isNamed = (id: string, check: string) => id === check || id.endsWith(` > ${check}`);
