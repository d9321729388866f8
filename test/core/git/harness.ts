import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { onTestFinished, vi } from 'vitest';
import { cloneForAttempt } from '../../../servers/core/git/attempt.ts';
import { createAuthority, type InitialFile } from '../../../servers/core/git/authority.ts';
import { GitRefusal, type Repo } from '../../../servers/core/git/git.ts';
import { takeIn } from '../../../servers/core/git/intake.ts';

// Dozens of git processes per test, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

export const AT = new Date('2026-01-01T00:00:00Z');
const ADA = { name: 'Ada', email: 'ada@example.com' };
export const landing = (message: string) => ({ message, author: ADA, at: AT });

/** A new folder that goes away with the test. */
export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'mw-git-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const USER = ['-c', 'user.name=Agent', '-c', 'user.email=agent@example.com'];

/** git as an agent runs it in its own clone: with every setting of the clone in force. */
export async function agentGit(
  dir: string,
  args: string[],
  more: { input?: string | Uint8Array; reject?: boolean; env?: Record<string, string> } = {},
): Promise<{ out: string; code: number | undefined }> {
  const env = {
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    ...more.env,
  };
  const input = more.input === undefined ? {} : { input: more.input };
  const result = await execa('git', [...USER, '-C', dir, ...args], {
    env,
    reject: more.reject ?? true,
    ...input,
  });
  return { out: result.stdout, code: result.exitCode };
}

export async function write(dir: string, path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(dir, path)), { recursive: true });
  await writeFile(join(dir, path), content);
}

/** Writes files (null: deletes them) and commits them as an agent does. Returns the commit. */
export async function commitIn(
  dir: string,
  files: Record<string, string | Uint8Array | null>,
): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    if (content === null) await rm(join(dir, path));
    else await write(dir, path, content);
  }
  await agentGit(dir, ['add', '-A', '-f']);
  await agentGit(dir, ['commit', '-q', '-m', 'work']);
  return (await agentGit(dir, ['rev-parse', 'HEAD'])).out;
}

export type Site = {
  root: string;
  bare: Repo;
  /** A fresh clone of mainline, as an attempt gets it. */
  clone: (name: string) => Promise<string>;
  /** Commits files in a clone and takes the commit in. Returns the commit. */
  submit: (clone: string, ref: string, files: Record<string, string | null>) => Promise<string>;
};

export async function site(
  initial: InitialFile[] = [{ path: 'src/a.txt', content: 'one\n' }],
): Promise<Site> {
  const root = await tempDir();
  const bare = await createAuthority(join(root, 'state'), { initial, message: 'Start', at: AT });
  return {
    root,
    bare,
    clone: async (name) => {
      const dir = join(root, name);
      await cloneForAttempt(bare, dir, { branch: name, user: ADA });
      return dir;
    },
    submit: async (clone, ref, files) => {
      const commit = await commitIn(clone, files);
      await takeIn(bare, { clone, commit, ref });
      return commit;
    },
  };
}

/** The id of the rule that refused; fails if nothing was refused. */
export async function ruleOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    () => 'nothing was refused',
    (error: unknown) => error,
  );
  if (outcome instanceof GitRefusal) return outcome.rule;
  throw outcome instanceof Error ? outcome : new Error(String(outcome));
}
