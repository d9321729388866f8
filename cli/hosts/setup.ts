import type { HostFactory } from '../../hosts/factory.ts';
import { guardPolicy, type Policy } from '../../hosts/guard/policy.ts';
import { type Definition, roleWords } from '../../servers/core/factory/parse.ts';
import { CommandError, EXIT } from '../failures.ts';
import { shown } from '../io.ts';
import type { OwnRepository } from '../repository.ts';
import { type FileChange, readText, realChanges } from './changes.ts';
import { claudeCodeChanges } from './claude_code.ts';
import { codexChanges } from './codex.ts';
import { excludeChange } from './excluded.ts';

const HOSTS = ['claude-code', 'codex'] as const;
export type Host = (typeof HOSTS)[number];

/** The hosts that `--host` names. Throws a usage error for anything else. */
export function hostsOf(text: string): Host[] {
  if (text === 'both') return [...HOSTS];
  if (text === 'claude-code' || text === 'codex') return [text];
  throw new CommandError(
    'HOST',
    `"${shown(text)}" is no host that Millwright sets up.`,
    'Give --host claude-code, codex or both; `millwright enrol AGENT` prints what any other needs.',
    EXIT.usage,
  );
}

/** Every file that setting up hosts makes, changes or, with `remove`, takes out or puts back. Writes nothing. */
export async function hostChanges(
  hosts: readonly Host[],
  factory: HostFactory,
  definition: Definition,
  repository: OwnRepository,
  remove: boolean,
): Promise<FileChange[]> {
  const changes = (
    await Promise.all(hosts.map((host) => changesOf(host, factory, definition, remove)))
  ).flat();
  if (remove && (await isElsewhere(hosts, factory, definition))) return changes;
  const policy: FileChange = {
    path: factory.policy,
    before: await readText(factory.policy),
    after: remove ? undefined : `${JSON.stringify(guardPolicy(factory), null, 1)}\n`,
    says: remove ? 'is taken out' : `the guard's policy for ${factory.agents.length} agents`,
  };
  return [policy, ...changes, await excludeChange(repository, remove)];
}

function changesOf(
  host: Host,
  factory: HostFactory,
  { words }: Definition,
  remove: boolean,
): Promise<FileChange[]> {
  if (host === 'claude-code') return claudeCodeChanges(factory, remove);
  const { soul, prompt } = roleWords(words, factory.main.role);
  return codexChanges(factory, `${soul}\n\n${prompt}`, remove);
}

/** Whether a host besides these is set up: what hosts share then stays. */
async function isElsewhere(
  hosts: readonly Host[],
  factory: HostFactory,
  definition: Definition,
): Promise<boolean> {
  const others = HOSTS.filter((host) => !hosts.includes(host));
  const changes = await Promise.all(others.map((host) => changesOf(host, factory, definition, true)));
  return realChanges(changes.flat()).length > 0;
}

/** The role of the main session that an earlier `init` was told; undefined before the first. */
export async function roleSetUp(policyPath: string): Promise<string | undefined> {
  const text = await readText(policyPath);
  if (text === undefined) return undefined;
  const policy = JSON.parse(text) as Policy;
  return policy.agents[policy.main]?.role;
}
