import { setTimeout as sleep } from 'node:timers/promises';
import { GitRefusal, git, gitLine, type Repo } from './git.ts';
import { commitId, commitTree, compareAndSwap, NO_COMMIT, readRef } from './objects.ts';

/** A signed statement about a commit. */
export type Attestation = { name: string; bytes: Buffer };

const TRIES = 60;

/** The reference that keeps the statements about a commit: a chain of commits, each adding one file. */
export const attestRef = (commit: string): string => `refs/attest/${commitId(commit)}`;

type Listed = { entry: string; id: string; name: string };

async function list(bare: Repo, head: string | undefined): Promise<Listed[]> {
  if (head === undefined) return [];
  const output = (await git(bare, ['ls-tree', '-z', head])).toString('utf8');
  return output
    .split('\0')
    .slice(0, -1)
    .map((entry) => {
      const [meta = '', name = ''] = entry.split('\t');
      return { entry, id: meta.split(' ')[2] ?? '', name };
    });
}

async function append(bare: Repo, ref: string, name: string, blob: string, at: Date): Promise<boolean> {
  const old = await readRef(bare, ref);
  const kept = await list(bare, old);
  const same = kept.find((file) => file.name === name);
  if (same?.id === blob) return true;
  if (same) throw new GitRefusal('git.attest-changed', `There is another statement named ${name} already.`);
  const entries = [...kept.map(({ entry }) => entry), `100644 blob ${blob}\t${name}`];
  const tree = await gitLine(bare, ['mktree', '-z'], { input: `${entries.join('\0')}\0` });
  const next = await commitTree(bare, tree, old ? [old] : [], { message: name, at });
  return compareAndSwap(bare, ref, next, old ?? NO_COMMIT);
}

/**
 * Keeps a statement about a commit, beside those that are there; appends made at the same time are all kept.
 * The same name with the same bytes again changes nothing; with other bytes it throws `git.attest-changed`.
 */
export async function appendAttestation(
  bare: Repo,
  commit: string,
  name: string,
  bytes: Uint8Array,
  at: Date,
): Promise<void> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,149}$/.test(name)) {
    throw new GitRefusal(
      'git.bad-name',
      'A statement is named with letters, digits, dots, dashes and underscores.',
    );
  }
  const ref = attestRef(commit);
  if ((await readRef(bare, commitId(commit))) === undefined) {
    throw new GitRefusal('git.unknown-commit', 'Statements are kept about commits of the authority only.');
  }
  const blob = await gitLine(bare, ['hash-object', '-w', '--stdin'], { input: bytes });
  for (let tries = 1; tries <= TRIES; tries += 1) {
    if (await append(bare, ref, name, blob, at)) return;
    await sleep(Math.random() * 10 * Math.min(tries, 10));
  }
  throw new Error(`${ref} changed ${TRIES} times while ${name} was appended`);
}

/** The statements kept about a commit, by name; none if there are none. */
export async function attestations(bare: Repo, commit: string): Promise<Attestation[]> {
  const files = await list(bare, await readRef(bare, attestRef(commit)));
  return Promise.all(
    files.map(async ({ name, id }) => ({ name, bytes: await git(bare, ['cat-file', 'blob', id]) })),
  );
}
