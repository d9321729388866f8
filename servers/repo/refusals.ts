import { type ErrorCode, ToolError } from '../core/errors.ts';
import { GitRefusal } from '../core/git/git.ts';

const COMMIT_AGAIN =
  'Commit in the workspace, then call change_submit with the full id that `git rev-parse HEAD` prints.';
const ON_MAINLINE =
  'In the workspace: `git fetch factory`, `git reset --soft factory/main`, commit once, and call change_submit again.';

type WaysOut = Readonly<Record<string, readonly [ErrorCode, string]>>;

/** For who hands in a commit of a workspace. */
const WAYS_OUT: WaysOut = {
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
};

/** For who moves mainline, and has no workspace. */
const WAYS_OUT_ON_MAINLINE: WaysOut = {
  'git.not-landed': ['CONFLICT', 'Name a merged commit; change_diff shows which one a change became.'],
  'git.no-single-parent': [
    'CONFLICT',
    'Say in task_block which change must go; it takes a change of its own.',
  ],
  'git.rewrite': [
    'CONFLICT',
    'Say so with task_complete, outcome "failed": its author has to build it anew.',
  ],
  'git.several-bases': [
    'CONFLICT',
    'Say so with task_complete, outcome "failed": its author has to build it anew.',
  ],
};

/** Runs `work` on a commit of the caller's workspace and says git's refusals in the words of a tool. */
export const refusing = <T>(work: () => Promise<T>): Promise<T> => inWords(work, WAYS_OUT);

/** The same for work on mainline. */
export const refusingOnMainline = <T>(work: () => Promise<T>): Promise<T> =>
  inWords(work, WAYS_OUT_ON_MAINLINE);

async function inWords<T>(work: () => Promise<T>, ways: WaysOut): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GitRefusal)) throw error;
    const [code, remedy] = ways[error.rule] ?? ['FORBIDDEN', 'Say what you wanted in task_block.'];
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
