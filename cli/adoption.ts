import { headOfMain, openAuthority } from '../servers/core/git/authority.ts';
import { checkPaths, DEFAULT_PROTECTED } from '../servers/core/git/paths.ts';
import { visibleRows } from '../servers/core/signing/visible_text.ts';
import { CommandError, EXIT } from './failures.ts';
import { shown } from './io.ts';
import type { OwnRepository } from './repository.ts';

/** SSHSIG namespace of a person's signature over a commit of their own that enters the factory. */
export const ADOPTION_NAMESPACE = 'millwright-adopt';
/** First line of the text that is signed. */
export const ADOPTION_HEADING = 'Millwright adoption 1';

/** Rows fit a terminal of 80 columns. */
const WIDTH = 76;
const MOST_PATHS = 300;

type Change = Parameters<typeof checkPaths>[0][number];

/** What a commit would bring onto mainline. */
export interface Entering {
  /** Full ids. */
  readonly commit: string;
  readonly tree: string;
  /** Where the commit's history leaves mainline's. */
  readonly base: string;
  readonly subject: string;
  readonly commits: number;
  readonly paths: readonly {
    readonly status: string;
    readonly path: string;
    readonly isProtected: boolean;
  }[];
}

/**
 * What `name` would bring from a person's repository onto the mainline in `authority`. Fetches mainline's head
 * into the repository, without any reference. Throws `CommandError` when it is no commit, shares no history with
 * mainline, or brings nothing.
 */
export async function readEntering(
  { git }: OwnRepository,
  name: string,
  { authority, protectedPaths }: { authority: string; protectedPaths: readonly string[] },
): Promise<Entering> {
  const ask = (args: string[]) => git.raw(args).then((text) => text.trim());
  const peeled = (suffix: string) =>
    ask(['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}${suffix}`]).catch(() => '');
  const commit = await peeled('^{commit}');
  if (!/^[0-9a-f]{40}$/.test(commit)) throw noCommit(name);
  const tree = await ask(['rev-parse', '--verify', `${commit}^{tree}`]);
  const mainline = await openAuthority(authority);
  const main = await headOfMain(mainline);
  await git.raw([...FETCH, '--end-of-options', mainline.gitDir, main]);
  const base = await ask(['merge-base', main, commit]).catch(() => '');
  if (!base) throw unrelated();
  const subject = await ask(['log', '-1', '--no-show-signature', '--no-color', '--format=%s', commit]);
  const commits = Number(await ask(['rev-list', '--count', commit, '--not', main]));
  const changed = parseRaw(await git.raw([...DIFF, base, commit]));
  if (commits === 0 || changed.length === 0) throw nothingNew(commit);
  const rules = { writes: ['**'], protected: [...DEFAULT_PROTECTED, ...protectedPaths] };
  const problems = checkPaths(changed, rules).filter(({ rule }) => rule === 'path.protected');
  const guarded = new Set(problems.map(({ path }) => path));
  const paths = changed.map(({ status, path }) => ({ status, path, isProtected: guarded.has(path) }));
  return { commit, tree, base, subject, commits, paths };
}

const FETCH = ['fetch', '-q', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'];
const DIFF = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--full-index', '--ignore-submodules=none'];

function parseRaw(output: string): Change[] {
  const form = /:(\d{6}) (\d{6}) ([0-9a-f]{40}) ([0-9a-f]{40}) ([AMDT])\0([^\0]+)\0/g;
  return [...output.matchAll(form)].map(
    ([, oldMode = '', newMode = '', oldId = '', newId = '', status, path = '']) => ({
      status: status as Change['status'],
      oldMode,
      newMode,
      oldId,
      newId,
      path,
    }),
  );
}

/**
 * The exact text that a person sees and signs. `attempt` counts the signatures over this commit, so that none
 * counts twice. Protected paths come first and are never left out; content is shown by visibleRows, and a row
 * that goes on starts with `+ `, so that none can look like a field.
 */
export function adoptionText(factory: string, entering: Entering, attempt: number): string {
  const guarded = entering.paths.filter(({ isProtected }) => isProtected);
  const others = entering.paths.filter(({ isProtected }) => !isProtected);
  const left = others.length - MOST_PATHS;
  return [
    ADOPTION_HEADING,
    `factory: ${factory}`,
    `commit: ${entering.commit}`,
    `tree: ${entering.tree}`,
    `leaves mainline at: ${entering.base}`,
    `attempt: ${attempt}`,
    ...rows('subject: ', entering.subject),
    `commits: ${entering.commits}`,
    `paths: ${entering.paths.length}, of which protected: ${guarded.length}`,
    ...guarded.flatMap(({ status, path }) => rows(`| PROTECTED ${status} `, path)),
    ...others.slice(0, MOST_PATHS).flatMap(({ status, path }) => rows(`| ${status} `, path)),
    ...(left > 0 ? [`and ${left} more`] : []),
    'end of adoption',
    '',
  ].join('\n');
}

function rows(prefix: string, line: string): string[] {
  const [first = '', ...more] = visibleRows(line, WIDTH - prefix.length);
  return [prefix + first, ...more.map((row) => `+ ${row}`)];
}

const noCommit = (name: string) =>
  new CommandError(
    'NO_COMMIT',
    `"${shown(name, 200)}" is no commit of this repository.`,
    'Give a commit as `git log` shows it, or HEAD.',
    EXIT.usage,
  );

const unrelated = () =>
  new CommandError(
    'UNRELATED',
    'The commit shares no history with mainline.',
    'Start a branch with `git fetch factory && git switch -c mine factory/main`, commit there and adopt that.',
  );

const nothingNew = (commit: string) =>
  new CommandError(
    'NOTHING_NEW',
    `Mainline has everything of ${commit} already.`,
    'Commit your change, then adopt that commit.',
  );
