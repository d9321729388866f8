import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Factory } from '../../servers/core/factory/definition.ts';
import { DEFAULT_PROTECTED } from '../../servers/core/git/paths.ts';
import type { FactoryPaths } from '../../servers/core/paths.ts';
import { guardedAgents } from '../factory.ts';
import { type Policy, runPolicy } from '../guard/policy.ts';
import { type Hooks, runHooks } from '../hooks.ts';
import type { LaunchInput } from './port.ts';

/** What a host keeps for itself in a run's folder, and its agent may look at. */
const OWN = ['empty', 'home', 'config/projects', 'config/skills'];

/** What the guard lets one run do, from the definition in force. Throws for an agent that is in no role. */
export async function policyFor(
  { factory: name, ...factory }: Factory,
  paths: Pick<FactoryPaths, 'home' | 'clones'>,
  { agent, folder, cwd, changes }: { agent: string; folder: string; cwd: string; changes: boolean },
): Promise<Policy> {
  const agents = guardedAgents(factory);
  const main = agents.find((one) => one.agent === agent);
  if (!main) throw new Error(`The factory has no agent ${agent}.`);
  // The guard compares paths behind all links.
  const [home, clones] = await Promise.all([paths.home, paths.clones].map(behindLinks));
  const guarded = {
    name,
    home: home ?? paths.home,
    clones: clones ?? paths.clones,
    protectedPaths: [...DEFAULT_PROTECTED, ...factory.protected],
    main,
    agents,
  };
  const work = await behindLinks(cwd);
  const runs = await behindLinks(dirname(folder));
  const own = OWN.map((part) => join(runs, basename(folder), part));
  return runPolicy(guarded, changes ? work : undefined, changes ? own : [work, ...own]);
}

const behindLinks = (path: string) => realpath(path).catch(() => path);

/** Where the runner keeps the state card of a run. */
export const cardFile = (folder: string): string => join(folder, 'card.json');

/** Writes the guard's policy into the run's folder; answers with the hooks for its host. */
export async function hooksOf(
  { folder, policy }: Pick<LaunchInput, 'folder' | 'policy'>,
  failsClosed?: Readonly<Record<string, unknown>>,
): Promise<Hooks> {
  const file = join(folder, 'policy.json');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(file, JSON.stringify(policy), { mode: 0o600 });
  return runHooks(file, cardFile(folder), failsClosed);
}
