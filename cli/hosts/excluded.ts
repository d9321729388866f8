import { type OwnRepository, pathInGit } from '../repository.ts';
import { type FileChange, readText } from './changes.ts';

const BEGIN = '# millwright: begin';
const END = '# millwright: end';
const BLOCK = new RegExp(`${BEGIN}\\n[\\s\\S]*?${END}\\n`);
const LINES = [
  '/.claude/agents/millwright-*.md',
  '/.claude/settings.local.json',
  '/.codex/config.toml',
  '/.codex/hooks.json',
  '/.agents/skills/millwright/',
];

/** What `init` writes names paths of this machine: git leaves it out of commits, by a file that is not shared. */
export async function excludeChange(repository: OwnRepository, remove: boolean): Promise<FileChange> {
  const path = await pathInGit(repository, 'info/exclude');
  const before = await readText(path);
  const rest = (before ?? '').replace(BLOCK, '');
  const gap = rest === '' || rest.endsWith('\n') ? '' : '\n';
  const after = remove ? rest : `${rest}${gap}${[BEGIN, ...LINES, END, ''].join('\n')}`;
  return { path, before, after: before === undefined && remove ? undefined : after };
}
