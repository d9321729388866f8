import * as z from 'zod';
import { attest, GATE_PREDICATE } from '../core/attestation.ts';
import { MACHINE_GATES, type MachineGate } from '../core/conditions.ts';
import { ToolError } from '../core/errors.ts';
import { openAuthority } from '../core/git/authority.ts';
import { parentsOf, treeOf } from '../core/git/objects.ts';
import type { JobRunner } from '../core/jobs.ts';
import { SandboxUnavailable } from '../core/sandbox/sandbox.ts';
import { evidenceOf, type GateResult, resultOf } from './evidence.ts';
import type { GateOutcome, GateRun } from './machine/gate.ts';
import { GATES } from './machine/index.ts';
import { insertGateResult } from './queries.ts';

/** What a `gate.run` job is given; any server may enqueue one. */
export const gateJob = z.strictObject({
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
    const outcome = await judged(gate, { services, factory, authority, commit, parent, signal });
    signal.throwIfAborted();
    const ms = Math.round(performance.now() - started);
    const result = resultOf({ gate, commit, tree, factory, ms }, outcome);
    await attest(services, {
      subject: { commit, tree },
      predicateType: GATE_PREDICATE,
      predicate: evidenceOf(result),
    });
    results.push(result);
  }
  return {
    result: { commit, gates: results.map(shown) },
    async save(tx) {
      for (const result of results) await insertGateResult(tx, result, id, services.clock.now());
    },
  };
};

/** What cannot run or be installed is an open gate with its reason; everything else that throws is a defect. */
async function judged(gate: MachineGate, run: GateRun): Promise<GateOutcome> {
  try {
    return await GATES[gate](run);
  } catch (error) {
    const unmet =
      error instanceof SandboxUnavailable ||
      (error instanceof ToolError && error.rule === 'dependencies.install');
    if (!unmet) throw error;
    const log = error.cause instanceof Error ? error.cause.message : '';
    return {
      passed: false,
      why: error.message,
      log,
      exit: null,
      isolation: 'none',
      engine: 'nothing ran',
      dependencies: null,
    };
  }
}

const shown = ({ gate, closed, why, digest, isolation, ms }: GateResult) => ({
  gate,
  closed,
  why: why.slice(0, 400),
  digest,
  isolation,
  ms,
});
