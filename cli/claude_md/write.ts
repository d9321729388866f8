import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../servers/core/version.ts';
import { readFacts } from './facts.ts';
import { fillTemplate } from './fill.ts';
import { INSTRUCTIONS } from './stale.ts';

/** What became of the wish for a CLAUDE.md. */
export interface Written {
  /** Undefined when the repository had its own instructions, which stay as they are. */
  readonly file: string | undefined;
  /** Slots that a person has to fill. */
  readonly open: readonly string[];
  readonly says: string;
}

/**
 * Writes the instructions from the template of the repository's stack, unless it has a CLAUDE.md or an AGENTS.md.
 * Commits nothing.
 *
 * @param names the file, and others that point to it
 */
export async function writeClaudeMd(
  root: string,
  name: string,
  [first = 'CLAUDE.md', ...others]: readonly string[] = [],
): Promise<Written> {
  for (const own of INSTRUCTIONS) {
    if (await stat(join(root, own)).catch(() => undefined))
      return { file: undefined, open: [], says: `${own} is there and stays as it is.` };
  }
  const facts = await readFacts(root);
  const template = await readFile(
    join(PACKAGE_ROOT, 'claude-md-templates', `${facts.stack.name}.md`),
    'utf8',
  );
  const { text, open } = fillTemplate(template, name, facts);
  const file = join(root, first);
  await writeFile(file, text, { flag: 'wx' });
  for (const other of others) await writeFile(join(root, other), `@${first}\n`, { flag: 'wx' });
  const yours = open.length > 0 ? ` Yours to add: ${open.join(', ')}.` : '';
  return { file, open, says: `${file} was written: read it, correct it, commit it.${yours}` };
}
