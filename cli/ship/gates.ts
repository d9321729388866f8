import { machineGateState } from '../../servers/core/conditions.ts';
import { MACHINE_GATES, type MachineGate } from '../../servers/core/gates.ts';
import { openAuthority } from '../../servers/core/git/authority.ts';
import { parentsOf } from '../../servers/core/git/objects.ts';
import type { Services } from '../../servers/core/services.ts';
import { CommandError } from '../failures.ts';

/** What a gate found on a commit. */
export interface GateState {
  gate: string;
  closed: boolean;
  why: string;
}

const PATIENCE_MS = 900_000;

/**
 * Says of each machine gate of a factory what closed it on a commit of its authority or keeps it open, and runs those
 * that no evidence in force has closed already.
 */
export async function gatesOn(services: Services, commit: string): Promise<GateState[]> {
  const { factory } = await services.factory();
  const gates = MACHINE_GATES.filter((gate) => (factory.merge.needs as readonly string[]).includes(gate));
  if (gates.length === 0) return [];
  if ((await parentsOf(await openAuthority(services.paths.git), commit)).length === 0) {
    throw new CommandError(
      'FIRST_COMMIT',
      'The commit has no parent, so no gate can compare it with what was before.',
      'Commit once more (`git commit --allow-empty` will do), then ship that.',
    );
  }
  const known = await Promise.all(
    gates.map((gate) => machineGateState(services.store.db, factory, gate, commit)),
  );
  const closed = known.filter(({ state }) => state === 'closed');
  const open = gates.filter((gate) => !closed.some(({ name }) => name === gate));
  const ran = open.length === 0 ? [] : await ranNow(services, commit, open);
  return gates.flatMap((gate) => {
    const found = closed.find(({ name }) => name === gate);
    return found ? [{ gate, closed: true, why: found.why }] : ran.filter((one) => one.gate === gate);
  });
}

async function ranNow(services: Services, commit: string, gates: MachineGate[]): Promise<GateState[]> {
  const result = await runJob(services, 'gate.run', { commit, gates });
  return (result as { gates: GateState[] }).gates.map(({ gate, closed, why }) => ({ gate, closed, why }));
}

/** Has this process do a job now and waits for what it found. Throws CommandError when it could not be done. */
export async function runJob(
  services: Services,
  kind: string,
  input: Record<string, unknown>,
  while_: () => Promise<void> = async () => {},
): Promise<Record<string, unknown>> {
  const now = services.clock.now();
  const job = await services.store.transaction((tx) =>
    services.jobs.enqueueOnce(tx, kind, input, 'operator', now),
  );
  services.jobs.kick();
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    const ended = await services.jobs.wait(job, 500);
    await while_();
    if (ended?.ok) return ended.result;
    if (ended) {
      throw new CommandError(
        'JOB_FAILED',
        `The server failed at ${kind}; it tried three times.`,
        'Run the command again; with MILLWRIGHT_DEBUG=1 it says more.',
      );
    }
  }
  throw new CommandError('TOO_LONG', `${kind} takes over 15 minutes.`, 'Run `millwright releases resume`.');
}
