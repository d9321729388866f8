import { type OwnWords, roleWords } from '../factory/parse.ts';
import { prepared, unplanned } from '../store/prepared.ts';
import type { Row } from '../store/schema.ts';
import type { Db } from '../store/store.ts';
import type { RoleWords } from '../words.ts';

/** The states in which a version stands before the written words. */
const STANDS: readonly Row<'role_words'>['state'][] = ['trial', 'kept'];

/**
 * The words of a role as its agents read them now: the factory's own or the shipped ones, each part replaced by its
 * newest version that is on trial or was kept. Words are read by agents only; no rule of a server depends on them.
 */
export async function wordsInForce(db: Db, own: OwnWords, role: string): Promise<RoleWords> {
  const written = roleWords(own, role);
  const versions = await standing(db, { role });
  const part = (name: Row<'role_words'>['part']) =>
    versions.findLast((version) => version.part === name)?.body;
  return { ...written, prompt: part('prompt') ?? written.prompt, soul: part('soul') ?? written.soul };
}

const standing = prepared<{ role: string }>()((db, value) =>
  db
    .selectFrom('role_words')
    .select(['part', 'body'])
    .where('role', '=', unplanned.text(value('role')))
    .where('state', 'in', STANDS)
    .orderBy('id'),
);
