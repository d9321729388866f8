import { join } from 'node:path';
import { codexBlock, withBlock } from '../../hosts/codex/config.ts';
import { skillFile } from '../../hosts/codex/skill.ts';
import type { HostFactory } from '../../hosts/factory.ts';
import { factoryHooks } from '../../hosts/hooks.ts';
import { CommandError } from '../failures.ts';
import { type FileChange, readText } from './changes.ts';
import { emptied, mergeHooks } from './claude_code.ts';
import { readJson } from './json_file.ts';

/**
 * What Codex reads of a factory, all in the repository's own `.codex` and `.agents`: the main session's server, the
 * hooks, and a skill as entry. Codex loads them once the person trusts the folder, and the hooks once they are
 * trusted too; nothing of it holds in other repositories.
 *
 * @param words the soul and prompt of the main session's role
 */
export async function codexChanges(
  factory: HostFactory,
  words: string,
  remove: boolean,
): Promise<FileChange[]> {
  const { repository } = factory;
  const config = join(repository, '.codex', 'config.toml');
  const hooks = join(repository, '.codex', 'hooks.json');
  const skill = join(repository, '.agents', 'skills', 'millwright', 'SKILL.md');
  const [toml, json, text] = await Promise.all([config, hooks, skill].map(readText));
  const merged = mergeHooks(json, readJson(json, hooks), hooks, remove ? {} : factoryHooks(factory));
  return [
    { path: config, before: toml, after: blockIn(toml, remove ? undefined : codexBlock(factory)) },
    { path: hooks, before: json, after: remove ? emptied(merged, hooks) : merged },
    { path: skill, before: text, after: remove ? undefined : skillFile(factory, words) },
  ];
}

function blockIn(text: string | undefined, block: string | undefined): string | undefined {
  try {
    const after = withBlock(text ?? '', block);
    return after === '' ? undefined : after;
  } catch (error) {
    const remedy = 'Rename it in .codex/config.toml, then run the command again.';
    throw new CommandError('SERVER_THERE', (error as Error).message, remedy);
  }
}
