import { join } from 'node:path';
import { ToolError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import { openAuthority } from '../core/git/authority.ts';
import type { Repo } from '../core/git/git.ts';
import type { Services } from '../core/services.ts';

/** The factory's authority. Throws `UPSTREAM` (`repo.no-mainline`) before `millwright init` made it. */
export async function openMainline(services: Services): Promise<Repo> {
  const bare = await openAuthority(services.paths.home);
  if (await exists(join(bare.gitDir, 'HEAD'))) return bare;
  throw new ToolError(
    'UPSTREAM',
    'This factory has no mainline.',
    'Say so with task_block; a human makes it with `millwright init`.',
    { rule: 'repo.no-mainline' },
  );
}
