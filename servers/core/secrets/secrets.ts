import { ToolError } from '../errors.ts';
import type { Row } from '../store/schema.ts';
import type { Db, Store, Tx } from '../store/store.ts';
import { keepOut } from './scrub.ts';
import { seal, unseal } from './seal.ts';

/** A shorter value could not be told from other text, and is no secret. */
export const LEAST_BYTES = 8;
/** Cloudflare's bound for one. */
export const MOST_BYTES = 5000;
/** A Worker that asks for `KEY_PREVIOUS` beside `KEY` gets the value before the last rotation while both are valid. */
const PREVIOUS = '_PREVIOUS';

/** Which secret: `product` is empty for one of the factory itself, such as a token of a target. */
export interface SecretName {
  product: string;
  target: string;
  name: string;
}

/** What may be known of a secret: never its value. Times in milliseconds since 1970. */
export interface SecretAge extends SecretName {
  createdAt: number;
  rotatedAt: number;
  /** Whether the value before is still valid too. */
  rotating: boolean;
}

/** Keeps a value under its name, in place of one that was there. */
export async function setSecret(
  tx: Tx,
  key: Uint8Array,
  of: SecretName,
  value: string,
  now: number,
): Promise<void> {
  const fresh = { value: seal(key, value, of), previous: null, rotated_at: now };
  await tx
    .insertInto('secrets')
    .values({ ...of, ...fresh, created_at: now })
    .onConflict((conflict) => conflict.columns(['product', 'target', 'name']).doUpdateSet(fresh))
    .execute();
}

/** Gives a secret its next value; the one before stays valid until `endRotation`. False when there is none. */
export async function rotateSecret(
  tx: Tx,
  key: Uint8Array,
  of: SecretName,
  value: string,
  now: number,
): Promise<boolean> {
  const row = await rowOf(tx, of);
  if (!row) return false;
  const next = { value: seal(key, value, of), previous: row.value, rotated_at: now };
  await tx.updateTable('secrets').set(next).where('id', '=', row.id).execute();
  return true;
}

/** Forgets the value before the last rotation. False when no rotation goes on. */
export async function endRotation(tx: Tx, of: SecretName): Promise<boolean> {
  const row = await rowOf(tx, of);
  if (row?.previous == null) return false;
  await tx.updateTable('secrets').set({ previous: null }).where('id', '=', row.id).execute();
  return true;
}

/** False when there was none. */
export async function removeSecret(tx: Tx, of: SecretName): Promise<boolean> {
  const row = await rowOf(tx, of);
  if (row) await tx.deleteFrom('secrets').where('id', '=', row.id).execute();
  return row !== undefined;
}

/** Names and ages of all secrets, in order of their names. */
export async function secretAges(db: Db): Promise<SecretAge[]> {
  const rows = await db
    .selectFrom('secrets')
    .select(['product', 'target', 'name', 'created_at', 'rotated_at'])
    .select((eb) => eb('previous', 'is not', null).as('rotating'))
    .orderBy('target')
    .orderBy('product')
    .orderBy('name')
    .execute();
  return rows.map(({ created_at, rotated_at, rotating, ...of }) => ({
    ...of,
    createdAt: created_at,
    rotatedAt: rotated_at,
    rotating: Boolean(rotating),
  }));
}

/**
 * The values of a product's secrets at a target, for the one process that hands them on; from here on the process
 * keeps them out of everything it prints. Throws GATE_CLOSED with rule `release.secret` that names those without one.
 */
export async function secretValues(
  { store, key }: { store: Pick<Store, 'db'>; key: () => Promise<Uint8Array> },
  { product, target, names }: { product: string; target: string; names: readonly string[] },
): Promise<Record<string, string>> {
  if (names.length === 0) return {};
  const values: Record<string, string> = {};
  for (const name of names) {
    const value = await currentValue(store.db, key, { product, target, name });
    if (value !== undefined) values[name] = value;
  }
  const missing = names.filter((name) => values[name] === undefined);
  if (missing.length === 0) return values;
  throw new ToolError(
    'GATE_CLOSED',
    `The secrets ${missing.join(', ')} of ${product || 'the factory'} have no value for the target ${target}.`,
    'Say so in task_block; a human gives them their values with `millwright secret set`.',
    { rule: 'release.secret' },
  );
}

async function currentValue(
  db: Db,
  key: () => Promise<Uint8Array>,
  of: SecretName,
): Promise<string | undefined> {
  const own = await rowOf(db, of);
  if (own) return opened(await key(), own, own.value);
  if (!of.name.endsWith(PREVIOUS)) return undefined;
  const row = await rowOf(db, { ...of, name: of.name.slice(0, -PREVIOUS.length) });
  return row && opened(await key(), row, row.previous ?? row.value);
}

function opened(key: Uint8Array, row: Row<'secrets'>, sealed: string): string {
  const value = unseal(key, sealed, row);
  keepOut(row.name, value);
  return value;
}

const rowOf = (db: Db, { product, target, name }: SecretName) =>
  db
    .selectFrom('secrets')
    .selectAll()
    .where('product', '=', product)
    .where('target', '=', target)
    .where('name', '=', name)
    .executeTakeFirst();
