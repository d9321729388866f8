import { readResult } from '../core/sandbox/sandbox.ts';
import type { Check } from './checks.ts';
import { detectSuite } from './suite/detect.ts';
import { findingsOf } from './suite/judge.ts';
import { lastChange } from './suite/last_change.ts';
import { hollowFindings, prove } from './suite/proof.ts';
import { MANY, runProductSuite } from './suite/suite.ts';

const MAX_MANIFEST = 2_000_000;
const WALL_MS = 120_000;

/**
 * The project's own tests, in the sandbox; none that ran is FAIL. A product that runs is judged by what it does when it
 * names no tests; sources alone have nothing else to show.
 */
export const suiteCheck: Check = {
  name: 'suite',
  needs: 'folder',
  async run(
    { folder, layers, sandbox, kind, repository },
    { finding, notTested, nothing, progress, ran },
    signal,
  ) {
    if (folder === undefined || !sandbox) throw new Error('there are no sources, or nothing to contain them');
    const plan = await detectSuite(readerOf(folder));
    if (!plan) {
      if (kind === 'static') return nothing('pages of files alone name no tests');
      nothing();
      return finding({
        class: 'no-tests',
        severity: kind === 'sources' ? 'medium' : 'low',
        where: 'package.json',
        what: 'The project names no way to run its tests.',
        reproduce: 'npm test',
        confirmed: true,
      });
    }
    const options = { sources: folder, layers, plan, wallMs: WALL_MS, reruns: MANY, signal, progress };
    const outcome = await runProductSuite(sandbox, options);
    const { report, first } = outcome;
    for (const found of findingsOf(report, first)) finding(found);
    const change =
      repository === undefined ? { why: 'there is no repository' } : await lastChange(repository);
    const without =
      'why' in change
        ? change
        : (await prove(sandbox, { ...options, change, outcome, missed: [], mutants: 0, seed: 0 })).without;
    ran({
      suite: {
        tests: report.tests.map(({ state, id }) => [state, id]),
        proof: { without, mutants: { why: 'not asked for' } },
      },
    });
    for (const found of hollowFindings(without, report)) finding(found);
    if ('why' in without)
      notTested(`suite: the last change's tests on the sources before it: ${without.why}`);
    if (plan.runner !== 'node') notTested(`suite: coverage of the lines is not measured for ${plan.runner}`);
    progress(`${report.passed} passed, ${report.failed.length} failed, ${report.flaky.length} flaky`);
  },
};

/** Reads files of a folder that somebody else filled: no link leads out of it. */
export const readerOf = (folder: string) => (path: string) =>
  readResult(folder, path, MAX_MANIFEST).then(
    (bytes) => bytes.toString('utf8'),
    () => undefined,
  );
