import { basename, relative } from 'node:path';

/** Subcommands of git that leave everything as it is. */
const READS = new Set([
  ...[
    'rev-parse',
    'merge-base',
    'rev-list',
    'cat-file',
    'ls-tree',
    'diff-tree',
    'diff',
    'log',
    'for-each-ref',
  ],
  ...[
    'show-ref',
    'ls-files',
    'check-ref-format',
    'symbolic-ref',
    'grep',
    'show',
    'count-objects',
    'fsck',
    'var',
  ],
]);
/** What comes between `git` and its subcommand and takes a value of its own. */
const WITH_VALUE = new Set(['-c', '-C']);
/** Programs that only start another one. */
const WRAPPERS = new Set(['prlimit']);

/** Programs that run beside the server. */
const OURS = new Set(['node', 'workerd']);
/** Programs that put another one into a sandbox. */
const ENGINES = new Set(['bwrap', 'unshare']);

/** Lines of a trace that are no steps. */
export const BEGUN = 'begun';
export const ENDED = 'ended';

/** What a sandbox needs differs from machine to machine: these steps stand for any number of them. */
export const SANDBOX_FILE = 'sandbox file';
export const SANDBOX_HELP = 'sandbox help';
/** How many objects a clone has differs from run to run: this step stands for all of its copy. */
export const COPIED = 'file copied from a clone';

/** How often a canary is looked at depends on time: this step stands for all looks. */
export const LOOKED = 'target numbers';

/** The name of a statement that writes; undefined for one that reads. */
export function sqlStep(text: string): string | undefined {
  const words = text.toLowerCase().replaceAll('"', '').trim().split(/\s+/);
  const [verb = ''] = words;
  if (verb === 'begin' || verb === 'commit' || verb === 'rollback') return `sql ${verb}`;
  const table = { insert: words[2], replace: words[2], delete: words[2], update: words[1] }[verb];
  return table === undefined ? undefined : `sql ${verb} ${table}`;
}

/** The name of a started program that changes something; for git with the reference it moves. */
export function programStep(file: string, args: readonly string[]): string | undefined {
  const words = WRAPPERS.has(basename(file)) ? args.slice(args.indexOf('--') + 1) : [file, ...args];
  const [program = '', ...rest] = words;
  const name = plain(basename(program));
  if (OURS.has(name)) return `run ${name}`;
  if (name !== 'git') return ENGINES.has(name) ? 'sandbox program' : SANDBOX_HELP;
  let at = 0;
  while (rest[at]?.startsWith('-')) at += WITH_VALUE.has(rest[at] ?? '') ? 2 : 1;
  const command = rest[at] ?? '';
  if (READS.has(command)) return undefined;
  const ref = rest.slice(at).find((word) => word.includes('refs/'));
  return `git ${command}${ref ? ` ${plain(ref.replace(/^[^:]*:/, ''))}` : ''}`;
}

/** The name of a change to a file of the factory or to a temporary one; undefined for other places. */
export function pathStep(verb: string, path: string, home: string, temporary: string): string | undefined {
  const inside = relative(home, path);
  if (/^scratch\/[^/]+\/copy\.git\//.test(inside)) return COPIED;
  if (!inside.startsWith('..'))
    return /^targets\/[^/]+\/(data|tmp)/.test(inside) ? undefined : `file ${verb} ${plain(inside)}`;
  const elsewhere = relative(temporary, path);
  return elsewhere.startsWith('millwright-') ? SANDBOX_FILE : undefined;
}

/** A name without what differs from run to run. */
export const plain = (name: string): string =>
  name
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, '*')
    .replace(/\b[0-9a-f]{12,}\b/g, '*')
    .replace(/-[A-Za-z0-9]{6}(?=\/|$)/g, '-*')
    .replace(/\d+/g, 'N');
