import { type ErrorCode, ToolError } from '../core/errors.ts';
import { GitRefusal } from '../core/git/git.ts';

const COMMIT_AGAIN =
  'Commit in the workspace, then call change_submit with the full id that `git rev-parse HEAD` prints.';
const ON_MAINLINE =
  'In the workspace: `git fetch factory`, `git reset --soft factory/main`, commit once, and call change_submit again.';

const WAYS_OUT: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  'git.bad-id': ['INVALID_INPUT', COMMIT_AGAIN],
  'git.unknown-commit': ['INVALID_INPUT', COMMIT_AGAIN],
  'git.not-a-clone': [
    'FORBIDDEN',
    'Call workspace_open and commit in the folder it names, left as it was made.',
  ],
  'git.malformed': ['FORBIDDEN', COMMIT_AGAIN],
  'git.unrelated': ['FORBIDDEN', ON_MAINLINE],
  'git.several-bases': ['CONFLICT', ON_MAINLINE],
  'git.rewrite': ['CONFLICT', ON_MAINLINE],
  'git.too-large': [
    'LIMIT',
    'Leave generated and large files out of the commit and call change_submit again.',
  ],
  'git.not-landed': ['CONFLICT', 'Name a merged commit; change_diff shows which one a change became.'],
  'git.no-single-parent': [
    'CONFLICT',
    'Say in task_block which change must go; it takes a change of its own.',
  ],
};

/** Runs `work` with git and says its refusals in the words of a tool. */
export async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GitRefusal)) throw error;
    const [code, remedy] = WAYS_OUT[error.rule] ?? ['FORBIDDEN', 'Say what you wanted in task_block.'];
    throw new ToolError(code, error.message, remedy, { rule: error.rule, cause: error.cause });
  }
}

/** A merge that git could not do alone. */
export function mergeConflict(paths: readonly string[], remedy: string): ToolError {
  return new ToolError('CONFLICT', `The change conflicts with mainline in ${quoted(paths)}.`, remedy, {
    rule: 'change.conflict',
  });
}

/** A few of the paths, escaped and cut, for a message. */
export function quoted(paths: readonly string[]): string {
  const shown = paths.slice(0, 8).map((path) => JSON.stringify(path.slice(0, 120)));
  return paths.length > 8 ? `${shown.join(', ')} and ${paths.length - 8} more` : shown.join(', ');
}
