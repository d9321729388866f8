import { join } from 'node:path';
import type { Definition } from '../../servers/core/factory/parse.ts';
import type { FactoryPaths } from '../../servers/core/paths.ts';
import { writeClaudeMd } from '../claude_md/write.ts';
import type { Result } from '../io.ts';
import type { OwnRepository } from '../repository.ts';
import { applyChanges, difference, type FileChange, realChanges } from './changes.ts';
import { hostFactory } from './host_factory.ts';
import { type Host, hostChanges, hostsOf, roleSetUp } from './setup.ts';

/** What `init` was told about hosts. */
export interface HostOptions {
  host?: string;
  as?: string;
  dryRun?: boolean;
  remove?: boolean;
}

/** The factory and the repository that hosts are set up for. */
export interface HostSubject {
  definition: Definition;
  paths: FactoryPaths;
  repository: OwnRepository;
}

/** What setting up hosts would change; the result is printed by `init --dry-run`. Writes nothing. */
export async function previewHosts(subject: HostSubject, options: HostOptions): Promise<Result> {
  const { changes, hosts } = await changesFor(subject, options);
  const text = await difference(changes);
  return {
    value: { hosts, dryRun: true, files: fileList(changes), diff: text },
    text: text || 'Nothing would change.',
  };
}

/** Takes everything out that setting up these hosts wrote; the factory itself stays. */
export async function removeHosts(subject: HostSubject, options: HostOptions): Promise<Result> {
  const { changes, hosts } = await changesFor(subject, options);
  await applyChanges(changes);
  const files = fileList(changes);
  return {
    value: { hosts, removed: true, files },
    text: [
      ...files.map(({ path, change }) => `${change.padEnd(8)} ${path}`),
      files.length === 0
        ? 'Nothing of Millwright was there.'
        : 'Your hosts know nothing of the factory any more.',
      'The factory, its enrolments, and a CLAUDE.md or AGENTS.md stay.',
    ].join('\n'),
  };
}

/** Writes the configuration of the hosts, and the repository's instructions where it has none. */
export async function setUpHosts(subject: HostSubject, options: HostOptions) {
  const { changes, hosts, role } = await changesFor(subject, options);
  await applyChanges(changes);
  const { root } = subject.repository;
  const instructions = await writeClaudeMd(
    root,
    subject.definition.factory.factory,
    INSTRUCTIONS[hosts.join()],
  );
  return { hosts, files: fileList(changes), instructions, next: hosts.map((host) => firstStep(host, role)) };
}

/** Per set of hosts, the file of the repository's instructions, and others that point to it. */
const INSTRUCTIONS: Readonly<Record<string, readonly string[]>> = {
  'claude-code': ['CLAUDE.md'],
  codex: ['AGENTS.md'],
  'claude-code,codex': ['AGENTS.md', 'CLAUDE.md'],
};

async function changesFor({ definition, paths, repository }: HostSubject, options: HostOptions) {
  const hosts = hostsOf(options.host ?? '');
  const role = options.as ?? (await roleSetUp(join(paths.home, 'hosts', 'policy.json')));
  const known = role !== undefined && (options.as !== undefined || role in definition.factory.roles);
  const factory = await hostFactory(definition, paths, repository.root, known ? role : undefined);
  const changes = await hostChanges(hosts, factory, definition, repository, options.remove === true);
  return { hosts, changes, role: factory.main.role };
}

const fileList = (changes: readonly FileChange[]) =>
  realChanges(changes).map(({ path, before, after }) => ({
    path,
    change: before === undefined ? 'new' : after === undefined ? 'removed' : 'changed',
  }));

/** What a person does next at this host. */
function firstStep(host: Host, role: string): string {
  if (host === 'codex') {
    return 'codex        trust the folder, then /hooks and trust those of this project; then: $millwright Add PDF export.';
  }
  return `claude       trust the folder; then: /mcp__millwright__${role} Add PDF export. Public link, no login, print-ready.`;
}
