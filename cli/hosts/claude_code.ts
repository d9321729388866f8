import { homedir } from 'node:os';
import { join } from 'node:path';
import { claudeCodeSettings, isOurRule, mainServer } from '../../hosts/claude-code/settings.ts';
import { subAgentFile } from '../../hosts/claude-code/sub_agent.ts';
import { type HostFactory, MAIN_SERVER, subAgentName } from '../../hosts/factory.ts';
import { type Hooks, isOurHook } from '../../hosts/hooks.ts';
import { type FileChange, readText } from './changes.ts';
import { listAt, readJson, setJson, valueAt } from './json_file.ts';

/** Claude Code's own file of this person: with `CLAUDE_CONFIG_DIR` it lies in that folder. */
export const claudeJson = (): string => join(process.env.CLAUDE_CONFIG_DIR ?? homedir(), '.claude.json');

/** The folder with the sub-agents and settings that the person has for every repository. */
export const claudeFolder = (): string => process.env.CLAUDE_CONFIG_DIR ?? join(homedir(), '.claude');

const settingsPath = (repository: string): string => join(repository, '.claude', 'settings.local.json');

const subAgentPath = (repository: string, agent: string): string =>
  join(repository, '.claude', 'agents', `${subAgentName(agent)}.md`);

/**
 * What Claude Code reads of a factory: the main session's server in the person's `.claude.json` under this folder
 * (the host asks nothing about it, and no branch can change it), a file for each sub-agent, and the settings.
 */
export async function claudeCodeChanges(factory: HostFactory, remove: boolean): Promise<FileChange[]> {
  const { repository, agents, main } = factory;
  const files = agents.map(async (agent): Promise<FileChange> => {
    const path = subAgentPath(repository, agent.agent);
    const isMain = agent.agent === main.agent;
    const after = remove || isMain ? undefined : subAgentFile(factory, agent);
    return { path, before: await readText(path), after };
  });
  return [
    await serverChange(factory, remove),
    await settingsChange(factory, remove),
    ...(await Promise.all(files)),
  ];
}

async function serverChange(factory: HostFactory, remove: boolean): Promise<FileChange> {
  const path = claudeJson();
  const before = await readText(path);
  const at = ['projects', factory.repository, 'mcpServers', MAIN_SERVER];
  const server = remove ? undefined : mainServer(factory);
  const now = valueAt(readJson(before, path), at);
  if (JSON.stringify(now) === JSON.stringify(server)) return { path, before, after: before };
  const says = server
    ? `${at.join(' . ')} = ${JSON.stringify(server, null, 2)}`
    : `${at.join(' . ')} is taken out`;
  return { path, before, after: setJson(before, at, server), says };
}

async function settingsChange(factory: HostFactory, remove: boolean): Promise<FileChange> {
  const path = settingsPath(factory.repository);
  const before = await readText(path);
  const value = readJson(before, path);
  const ours = claudeCodeSettings(factory);
  let text = mergeHooks(before, value, path, remove ? {} : ours.hooks);
  const lists = [
    ['allow', ours.allow],
    ['deny', ours.deny],
    ['additionalDirectories', ours.additionalDirectories],
  ] as const;
  for (const [name, added] of lists) {
    const kept = listAt(value, ['permissions', name], path).filter(
      (rule) => !isOurRule(rule, factory.home) && rule !== factory.clones,
    );
    text = setList(text, ['permissions', name], [...kept, ...(remove ? [] : added)]);
  }
  // A branch's own settings cannot turn the guard off: these come after them.
  text = setJson(text, ['disableAllHooks'], remove ? undefined : false);
  return { path, before, after: remove ? emptied(text, path) : text };
}

/** The text with our hooks in place of older ones; the person's own stay where they are. */
export function mergeHooks(
  before: string | undefined,
  value: Record<string, unknown>,
  path: string,
  hooks: Hooks,
): string {
  const events = new Set([...Object.keys((value.hooks as object | undefined) ?? {}), ...Object.keys(hooks)]);
  let text = before ?? '{}\n';
  for (const event of events) {
    const kept = listAt(value, ['hooks', event], path).flatMap(withoutOurs);
    text = setList(text, ['hooks', event], [...kept, ...(hooks[event] ?? [])]);
  }
  return text;
}

function withoutOurs(entry: unknown): unknown[] {
  const hooks = valueAt(entry, ['hooks']);
  if (!Array.isArray(hooks)) return [entry];
  const kept = hooks.filter((hook) => !isOurHook(valueAt(hook, ['command'])));
  if (kept.length === hooks.length) return [entry];
  return kept.length === 0 ? [] : [{ ...(entry as object), hooks: kept }];
}

function setList(text: string, at: string[], list: unknown[]): string {
  const now = valueAt(readJson(text, at.join('.')), at);
  if (JSON.stringify(now ?? []) === JSON.stringify(list)) return text;
  return setJson(text, at, list.length === 0 ? undefined : list);
}

/** Without objects that have nothing in them any more; undefined when the whole file has nothing. */
export function emptied(text: string, path: string): string | undefined {
  let rest = text;
  for (const key of ['hooks', 'permissions']) {
    const inner = readJson(rest, path)[key];
    if (inner && Object.keys(inner).length === 0) rest = setJson(rest, [key], undefined);
  }
  return Object.keys(readJson(rest, path)).length === 0 ? undefined : rest;
}
