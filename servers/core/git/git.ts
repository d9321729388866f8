import { delimiter, isAbsolute } from 'node:path';
import { execa } from 'execa';

/**
 * A repository that only servers write to: the authority, or a throw-away made from it.
 *
 * `gitDir` is its absolute path, `config` the server's own git configuration, `scratch` a folder for short-lived
 * files. An agent's clone must never become a `Repo`: its configuration can make git run any program.
 */
export type Repo = { readonly gitDir: string; readonly config: string; readonly scratch: string };

export type GitOptions = {
  input?: string | Uint8Array;
  env?: Record<string, string>;
  /** The whole process group is killed after this time. Default one minute. */
  timeoutMs?: number;
  /** Most bytes of standard output; git is killed at the limit. Default 64 MiB. */
  maxBytes?: number;
  /** Most bytes git may write to any one file, and a bound on its memory. Held on Linux only. */
  maxFileBytes?: number;
};

export type GitResult = {
  /** Exit code; undefined when a signal ended git. */
  code: number | undefined;
  stdout: Buffer;
  stderr: string;
  timedOut: boolean;
  /** More output came than `maxBytes`; `stdout` holds the beginning. */
  truncated: boolean;
};

/** Something hostile, malformed or too large was offered. `message` is safe to show to the one who offered it. */
export class GitRefusal extends Error {
  readonly rule: string;

  constructor(rule: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'GitRefusal';
    this.rule = rule;
  }
}

/** git failed where it should not have. The message quotes git and is for the operator only. */
export class GitError extends Error {
  readonly result: GitResult;

  constructor(command: string, result: GitResult) {
    const end = result.timedOut ? 'time-out' : result.truncated ? 'too much output' : `exit ${result.code}`;
    super(`git ${command}: ${end}: ${result.stderr.trim().slice(0, 2000)}`);
    this.name = 'GitError';
    this.result = result;
  }
}

/**
 * What every git of the server runs under. Given as `-c` (which beats the repository's own configuration) and in
 * the global file (which also reaches the child that serves a fetch, where `-c` does not).
 */
const SETTINGS: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.attributesFile', '/dev/null'],
  ['core.protectHFS', 'true'],
  ['core.protectNTFS', 'true'],
  ['core.fsync', 'objects,reference'],
  ['core.filesRefLockTimeout', '5000'],
  ['core.packedRefsTimeout', '5000'],
  ['protocol.allow', 'never'],
  ['protocol.file.allow', 'always'],
  ['submodule.recurse', 'false'],
  ['transfer.fsckObjects', 'true'],
  ['fetch.unpackLimit', '1'],
  ['fetch.fsck.gitattributesSymlink', 'error'],
  ['fetch.fsck.badFilemode', 'error'],
  ['merge.directoryRenames', 'false'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
];

const AS_FLAGS = SETTINGS.flatMap(([key, value]) => ['-c', `${key}=${value}`]);

/** The text of the server's git configuration file, which `Repo.config` names. */
export function serverConfig(): string {
  const lines = SETTINGS.map(([key, value]) => {
    const [section = '', ...rest] = key.split('.');
    const name = rest.pop() ?? '';
    const heading = rest.length > 0 ? `[${section} "${rest.join('.')}"]` : `[${section}]`;
    return `${heading}\n\t${name} = ${value}\n`;
  });
  return lines.join('');
}

// A project's node_modules/.bin is on the path under npm, and an agent can put a `git` there.
const searchPath = (): string =>
  (process.env.PATH ?? '/usr/bin:/bin')
    .split(delimiter)
    .filter((entry) => isAbsolute(entry) && !entry.includes('node_modules'))
    .join(delimiter);

const environment = (repo: Repo): Record<string, string> => ({
  PATH: searchPath(),
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: repo.config,
  GIT_ATTR_NOSYSTEM: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_NO_LAZY_FETCH: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
});

const bounded = (maxFileBytes: number | undefined): string[] =>
  maxFileBytes === undefined || process.platform !== 'linux'
    ? []
    : ['prlimit', `--fsize=${maxFileBytes}`, '--as=4000000000', '--core=0', '--'];

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended by itself.
  }
}

/**
 * Runs git on a server's repository and says how it ended; the only way the server starts git.
 *
 * Nothing is inherited: not the environment, not the user's configuration, not the working folder.
 */
export async function runGit(
  repo: Repo,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  const [file = 'git', ...rest] = [
    ...bounded(options.maxFileBytes),
    ...['git', ...AS_FLAGS, `--git-dir=${repo.gitDir}`, ...args],
  ];
  const child = execa(file, rest, {
    cwd: repo.gitDir,
    env: { ...environment(repo), ...options.env },
    extendEnv: false,
    detached: true,
    reject: false,
    encoding: 'buffer',
    stripFinalNewline: false,
    killSignal: 'SIGKILL',
    maxBuffer: options.maxBytes ?? 64 * 2 ** 20,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
  });
  // What git leaves running would hold its output open.
  child.nodeChildProcess.once('exit', () => killGroup(child.pid));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, options.timeoutMs ?? 60_000);
  const result = await child;
  clearTimeout(timer);
  if (child.pid === undefined) throw new Error(`${file} could not be started`, { cause: result });
  return {
    code: result.exitCode,
    stdout: Buffer.from(result.stdout),
    stderr: Buffer.from(result.stderr).toString('utf8'),
    timedOut,
    truncated: result.isMaxBuffer,
  };
}

/** Runs git like {@link runGit} and returns its standard output; throws {@link GitError} unless it exits with 0. */
export async function git(repo: Repo, args: readonly string[], options: GitOptions = {}): Promise<Buffer> {
  const result = await runGit(repo, args, options);
  if (result.code !== 0 || result.timedOut || result.truncated) throw new GitError(args[0] ?? '', result);
  return result.stdout;
}

/** Runs git like {@link git}; returns its one line of output. */
export async function gitLine(
  repo: Repo,
  args: readonly string[],
  options: GitOptions = {},
): Promise<string> {
  return (await git(repo, args, options)).toString('utf8').trimEnd();
}
