import { createPrivateKey } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attestations } from '../servers/core/git/attest.ts';
import { emptyAuthority, headOfMain } from '../servers/core/git/authority.ts';
import { git, gitLine, type Repo } from '../servers/core/git/git.ts';
import { isAncestor } from '../servers/core/git/objects.ts';
import { type Head, readHead, verifyAgainst } from '../servers/core/heads.ts';
import { verifyRecord } from '../servers/core/record.ts';
import { toSshPublicKey } from '../servers/core/signing/ssh_key.ts';
import type { SshPublicKey } from '../servers/core/signing/sshsig.ts';
import { verifyStatement } from '../servers/core/signing/statement.ts';
import { damageOf, openBare } from '../servers/core/store/bare.ts';
import type { Db } from '../servers/core/store/store.ts';
import { changedFiles, type Manifest, PARTS, parseManifest, verifyManifest } from './backup_manifest.ts';
import { CommandError, EXIT } from './failures.ts';
import { isFull, isMissingProgram } from './places.ts';
import { mergedCommits } from './record_queries.ts';

/** What was found to hold, in numbers. */
export interface Held {
  readonly manifest: Manifest;
  readonly entries: number;
  readonly head: string;
  readonly heads: number;
  readonly statements: number;
  readonly mainline: string;
}

const MINUTES_10 = 600_000;

/**
 * Verifies everything in a backup: the store's pages and indexes, the record's chain, every signed head and every
 * attestation under the factory's key, the merged commits in the mainline, and each file against the signed
 * manifest. Brings the mainline into the empty folder `home` on the way.
 *
 * @param known a head that was exported earlier and kept elsewhere: the one check that whoever has the backup,
 *   and with it the factory's key, cannot answer
 * @throws CommandError `BACKUP_DAMAGED`, which names all that does not hold
 */
export async function checkBackup(folder: string, home: string, known?: string): Promise<Held> {
  const faults: string[] = [];
  const text = await readFile(join(folder, PARTS.manifest), 'utf8').catch(() => '');
  const manifest = await held(faults, '', () => parseManifest(text));
  const key = await held(faults, `${PARTS.key}: `, () => keyIn(folder));
  if (!manifest || !key) throw damaged(folder, faults);
  await held(faults, `${PARTS.manifest}: `, () => verifyManifest(text, key));
  const record = await checkStore(folder, manifest.factory, key, known, faults);
  const mainline = await held(faults, `${PARTS.mainline}: `, () => takeMainline(folder, home));
  const statements = mainline ? await checkStatements(mainline, key, faults) : 0;
  if (mainline && record) await checkMerged(mainline, record.merged, faults);
  for (const path of await changedFiles(folder, manifest)) {
    faults.push(`${path}: it is not the file that was backed up`);
  }
  if (faults.length > 0 || !record || !mainline) throw damaged(folder, faults);
  return { manifest, ...record, statements, mainline: await headOfMain(mainline) };
}

async function checkStore(
  folder: string,
  factory: string,
  key: SshPublicKey,
  known: string | undefined,
  faults: string[],
) {
  const file = join(folder, PARTS.store);
  return held(faults, `${PARTS.store}: `, async () => {
    const damage = damageOf(file);
    if (damage !== undefined) throw new Error(damage);
    const { db, close } = await openBare(file);
    try {
      const found = await verifyRecord(db);
      if (!found.ok) throw new Error(`the record does not verify at entry ${found.seq}: ${found.why}`);
      const own = [PARTS.head, ...(await namesIn(join(folder, 'heads'))).map((name) => `heads/${name}`)];
      for (const path of own) {
        await held(faults, `${path}: `, async () => {
          const head = readHead(await readFile(join(folder, path), 'utf8'), [key]);
          await assertHolds(db, factory, head);
        });
      }
      if (known !== undefined) {
        await held(faults, 'the head you named: ', () => assertHolds(db, factory, readHead(known, [key])));
      }
      return {
        entries: found.entries,
        head: found.head,
        heads: own.length,
        merged: await mergedCommits(db),
      };
    } finally {
      await close();
    }
  });
}

async function assertHolds(db: Db, factory: string, head: Head): Promise<void> {
  const found = await verifyAgainst(db, factory, head);
  if (!found.ok) throw new Error(found.why);
}

async function takeMainline(folder: string, home: string): Promise<Repo> {
  const repo = await emptyAuthority(home);
  const bundle = join(folder, PARTS.mainline);
  const fetch = ['fetch', '-q', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'];
  await git(repo, [...fetch, '--end-of-options', bundle, 'refs/*:refs/*'], { timeoutMs: MINUTES_10 });
  await git(repo, ['fsck', '--no-dangling', '--no-progress'], { timeoutMs: MINUTES_10 });
  await headOfMain(repo);
  return repo;
}

async function checkStatements(repo: Repo, key: SshPublicKey, faults: string[]): Promise<number> {
  const refs = await gitLine(repo, ['for-each-ref', '--format=%(refname)', 'refs/attest/']);
  let count = 0;
  for (const commit of refs
    .split('\n')
    .filter(Boolean)
    .map((ref) => ref.slice('refs/attest/'.length))) {
    for (const { name, bytes } of await attestations(repo, commit)) {
      count += 1;
      await held(faults, `attestation ${name} of commit ${commit}: `, () =>
        verifyStatement(bytes, { keys: [key], commit }),
      );
    }
  }
  return count;
}

async function checkMerged(repo: Repo, commits: readonly string[], faults: string[]): Promise<void> {
  const main = await headOfMain(repo);
  for (const commit of commits) {
    const isThere = await isAncestor(repo, commit, main).catch(() => false);
    if (!isThere) faults.push(`${PARTS.mainline}: the merged commit ${commit} is not in the mainline`);
  }
}

/** A backup's key file is read as it is: on the medium of a backup its mode may mean nothing. */
const keyIn = async (folder: string) =>
  toSshPublicKey(createPrivateKey(await readFile(join(folder, PARTS.key))), 'millwright-factory');

const namesIn = (folder: string) => readdir(folder).catch(() => []);

/** Gives what `check` gives; what it throws is one more fault, unless it is this machine's. */
async function held<T>(faults: string[], about: string, check: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await check();
  } catch (error) {
    if (isFull(error) || isMissingProgram(error)) throw error;
    const says = error instanceof Error ? error.message : String(error);
    faults.push(`${about}${says.trim().split('\n')[0]}`);
    return undefined;
  }
}

const damaged = (folder: string, faults: readonly string[]) =>
  new CommandError(
    'BACKUP_DAMAGED',
    `The backup ${folder} does not hold: ${faults.slice(0, 6).join('; ')}${faults.length > 6 ? '; …' : ''}.`,
    'Use another backup, and keep this one as it is: it shows what was changed.',
    EXIT.damaged,
  );
