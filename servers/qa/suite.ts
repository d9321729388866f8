import * as z from 'zod';
import { signedResult } from '../core/evidence.ts';
import { insertGateResult } from '../core/gate_results.ts';
import { openAuthority } from '../core/git/authority.ts';
import { treeOf } from '../core/git/objects.ts';
import type { JobRunner } from '../core/jobs.ts';
import { unmet } from '../core/outcome.ts';
import { testsOn } from '../core/test_run.ts';

const suiteJob = z.strictObject({ commit: z.string().regex(/^[0-9a-f]{40}$/) });

/**
 * The job `qa.run`: the product's own suite on a clean checkout of one commit, in the sandbox. It closes only when
 * the command ends with 0 and its runner says that at least one test passed. Any server may enqueue one.
 */
export const runSuite: JobRunner = async (input, { id, services, signal }) => {
  const { commit } = suiteJob.parse(input);
  const { factory } = await services.factory();
  const started = performance.now();
  const outcome = await testsOn(services, { factory, commit, signal }).catch((error) => ({
    ...unmet(error),
    tests: 0,
  }));
  signal.throwIfAborted();
  const ms = Math.round(performance.now() - started);
  const tree = await treeOf(await openAuthority(services.paths.git), commit);
  const result = await signedResult(services, { gate: 'qa.suite', commit, tree, factory, ms }, outcome);
  const { closed, why, isolation, digest } = result;
  return {
    result: { done: true, closed, why: why.slice(0, 400), tests: outcome.tests, isolation, ms, digest },
    save: async (tx) => void (await insertGateResult(tx, result, id, services.clock.now())),
  };
};
