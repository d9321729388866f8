import { bubblewrapAsRoot, bubblewrapAsUser } from './bubblewrap.ts';
import type { Engine } from './engine.ts';
import { ownUid, plainChild } from './plain.ts';
import { probe } from './probe.ts';
import { runWith } from './run.ts';
import { type Isolation, type Sandbox, SandboxUnavailable } from './types.ts';
import { utilLinuxAsRoot, utilLinuxAsUser } from './util-linux.ts';

export type { Engine } from './engine.ts';
export { readResult } from './result-file.ts';
export {
  type Enforced,
  type Isolation,
  type Layer,
  type Sandbox,
  type SandboxLimits,
  type SandboxResult,
  type SandboxRun,
  SandboxUnavailable,
} from './types.ts';

/** Every known way to contain a run, best first. */
export const ENGINES: readonly Engine[] = [
  bubblewrapAsRoot,
  bubblewrapAsUser,
  utilLinuxAsRoot,
  utilLinuxAsUser,
  ownUid,
  plainChild,
];

const RANK: Record<Isolation, number> = { full: 2, partial: 1, none: 0 };

/**
 * Finds the best engine that this machine really holds, by attacking a decoy from inside it, and returns a
 * sandbox that runs with that one and no other. The engine found is remembered for the life of the process.
 *
 * @param options.accept the least isolation that will do; `full` by default
 * @throws {SandboxUnavailable} if only less than `accept` is to be had
 */
export async function openSandbox(
  options: { accept?: Isolation; engines?: readonly Engine[] } = {},
): Promise<Sandbox> {
  const { accept = 'full', engines = ENGINES } = options;
  const reasons: string[] = [];
  for (const engine of engines.filter(({ isolation }) => RANK[isolation] >= RANK[accept])) {
    const reason = await remembered(engine);
    if (reason === undefined) {
      const { isolation, name, enforced } = engine;
      return { isolation, engine: name, enforced, run: (run) => runWith(engine, run) };
    }
    reasons.push(`${engine.name}: ${reason}`);
  }
  throw new SandboxUnavailable(
    `Project code can't be contained here with isolation "${accept}" (${reasons.join('; ')}). ` +
      'Install bubblewrap, or allow unprivileged user namespaces, or let the owner accept less.',
  );
}

const probes = new Map<Engine, Promise<string | undefined>>();

/** One probe per engine; only success is kept: a refusal or a fault, as of a full disk, may be a moment's trouble. */
async function remembered(engine: Engine): Promise<string | undefined> {
  const known = probes.get(engine) ?? probe(engine);
  probes.set(engine, known);
  let holds = false;
  try {
    const reason = await known;
    holds = reason === undefined;
    return reason;
  } finally {
    if (!holds) probes.delete(engine);
  }
}
