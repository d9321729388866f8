import { randomUUID } from 'node:crypto';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { headOfMain, openAuthority } from '../../servers/core/git/authority.ts';
import { git } from '../../servers/core/git/git.ts';
import type { Services } from '../../servers/core/services.ts';

const LONGEST_WORDS = 40_000;

/**
 * Gives `use` a new folder of one run below `parent`, and removes it. Only its user can read it; where agents are other
 * users they pass through it to the folders in it that they are given.
 */
export async function inRunFolder<T>(
  { parent, isSeparate }: { parent: string; isSeparate: boolean },
  run: number,
  use: (folder: string) => Promise<T>,
) {
  const folder = join(parent, `run-${run}-${randomUUID()}`);
  await mkdir(join(folder, 'empty'), { recursive: true, mode: 0o700 });
  if (isSeparate) {
    await chmod(folder, 0o711);
    await chmod(join(folder, 'empty'), 0o755);
  }
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The words for agents in mainline: CLAUDE.md or AGENTS.md, the host's own first; empty when there is neither. */
export async function mainlineWords(services: Services, kind: 'claude-code' | 'codex'): Promise<string> {
  const names = kind === 'codex' ? ['AGENTS.md', 'CLAUDE.md'] : ['CLAUDE.md', 'AGENTS.md'];
  const bare = await openAuthority(services.paths.git);
  const head = await headOfMain(bare);
  for (const name of names) {
    const words = await git(bare, ['cat-file', 'blob', '--end-of-options', `${head}:${name}`]).catch(
      () => undefined,
    );
    if (words) return words.toString('utf8').slice(0, LONGEST_WORDS);
  }
  return '';
}
