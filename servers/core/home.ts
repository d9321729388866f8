import { join } from 'node:path';
import { exists } from './files.ts';
import { openAuthority } from './git/authority.ts';
import { runGit } from './git/git.ts';
import { append } from './record.ts';
import type { Services } from './services.ts';
import { factoryKeyFile, openFactoryKey } from './signing/factory_key.ts';
import type { Db } from './store/store.ts';

/** The record's entry that says which factory a store belongs to; its `why` is the id of the factory's key. */
const BOUND = { event: 'factory.bound', subject: 'factory:key' } as const;

/** The store and the factory's folder do not belong together; nothing was served from them. */
class ForeignStore extends Error {
  override readonly name = 'ForeignStore';
}

/** The factory's folder on this machine is not the one that the other servers use. */
class ForeignHome extends Error {
  override readonly name = 'ForeignHome';
}

type Opened = Pick<Services, 'store' | 'paths' | 'clock'>;

/**
 * Binds a PostgreSQL store to the factory of this folder, by the factory's key, the first time a factory with a
 * definition uses it. Throws `ForeignStore` when the store belongs to another factory: its sessions, definition and
 * record would count here, and ours there. A file lies in the folder and needs no binding.
 */
export async function bindStore({ store, paths, clock }: Opened): Promise<void> {
  if (store.dialect !== 'postgres') return;
  const owner = await ownerOf(store.db);
  if (owner !== undefined) return refuseOther(owner, paths.keys);
  if (!(await store.db.selectFrom('factory_versions').select('id').limit(1).executeTakeFirst())) return;
  const { keyId } = await openFactoryKey(paths.keys);
  await store.transaction(async (tx) => {
    const server = { session: 'server', agent: 'server', role: 'server' };
    await append(store, tx, { at: clock.now(), ...server, ...BOUND, why: keyId });
    const first = await ownerOf(tx);
    if (first !== undefined && first !== keyId) throw foreign(first);
  });
}

async function ownerOf(db: Db): Promise<string | undefined> {
  const row = await db
    .selectFrom('activity')
    .select('why')
    .where('subject', '=', BOUND.subject)
    .where('event', '=', BOUND.event)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  return row?.why;
}

async function refuseOther(owner: string, keys: string): Promise<void> {
  const isThere = await exists(factoryKeyFile(keys)); // a new key would be made where there is none
  const mine = isThere ? (await openFactoryKey(keys)).keyId : undefined;
  if (mine !== owner) throw foreign(owner);
}

const foreign = (owner: string) =>
  new ForeignStore(
    `The store that DATABASE_URL names belongs to another factory than this folder: to the one with the key ${owner}.`,
  );

/**
 * Whether this machine has the mainline that the store speaks of. Throws `ForeignHome` when there is none, or when
 * it lacks the commit that was submitted last: then this folder is a copy, and each copy would merge for itself.
 */
export async function refuseCopiedHome({ store, paths }: Opened): Promise<void> {
  const bare = await openAuthority(paths.git);
  if (!(await exists(join(bare.gitDir, 'HEAD'))))
    throw new ForeignHome(`There is no mainline in ${paths.home}.`);
  const last = await store.db
    .selectFrom('submissions')
    .select('commit_id')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!last) return;
  const found = await runGit(bare, ['cat-file', '-e', `${last.commit_id}^{commit}`]);
  if (found.code !== 0)
    throw new ForeignHome(
      `The mainline in ${paths.home} lacks the commit ${last.commit_id.slice(0, 12)} that was submitted last.`,
    );
}
