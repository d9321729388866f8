import * as z from 'zod';
import { type GateResult, signedResult } from '../core/evidence.ts';
import { insertGateResult } from '../core/gate_results.ts';
import { MACHINE_GATES } from '../core/gates.ts';
import { openAuthority } from '../core/git/authority.ts';
import { parentsOf, treeOf } from '../core/git/objects.ts';
import type { JobRunner } from '../core/jobs.ts';
import { unmet } from '../core/outcome.ts';
import { GATES } from './machine/index.ts';

/** What a `gate.run` job is given; any server may enqueue one. */
const gateJob = z.strictObject({
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  gates: z.array(z.enum(MACHINE_GATES)).min(1),
});

/**
 * Runs machine gates on one commit of the authority against its parent. Each result is signed and kept beside the
 * commit before its row enters the store. Running again after a crash adds newer evidence and harms nothing.
 */
export const runGates: JobRunner = async (input, { id, services, signal }) => {
  const { commit, gates } = gateJob.parse(input);
  const { factory } = await services.factory();
  const authority = await openAuthority(services.paths.git);
  const [parent] = await parentsOf(authority, commit);
  if (parent === undefined) throw new Error(`${commit} has no parent to be compared with`);
  const tree = await treeOf(authority, commit);
  const results: GateResult[] = [];
  for (const gate of gates) {
    const started = performance.now();
    const outcome = await GATES[gate]({ services, factory, authority, commit, parent, signal }).catch(unmet);
    signal.throwIfAborted();
    const ms = Math.round(performance.now() - started);
    results.push(await signedResult(services, { gate, commit, tree, factory, ms }, outcome));
  }
  return {
    result: { commit, gates: results.map(shown) },
    async save(tx) {
      for (const result of results) await insertGateResult(tx, result, id, services.clock.now());
    },
  };
};

const shown = ({ gate, closed, why, digest, isolation, ms }: GateResult) => ({
  gate,
  closed,
  why: why.slice(0, 400),
  digest,
  isolation,
  ms,
});
