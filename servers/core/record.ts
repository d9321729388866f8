import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { scrub } from './secrets/scrub.ts';
import { sendLast } from './store/pipeline.ts';
import { bound, prepared } from './store/prepared.ts';
import type { Activity } from './store/schema.ts';
import type { Db, Store, Tx } from './store/store.ts';

/** What happened, as the code that did it says it. */
export interface Entry {
  at: number;
  /** Session id, or `human:<name>`, or `server`. */
  session: string;
  agent: string;
  role: string;
  event: string;
  tool?: string;
  subject?: string;
  rule?: string;
  code?: string;
  why?: string;
  /** Kept beside the chain, which covers only its digest, so that it can be blanked later. */
  body?: unknown;
}

export type Verification =
  | { ok: true; entries: number; head: string }
  | { ok: false; entries: number; seq: number; why: string };

/** The hash before the first entry. */
export const GENESIS = '0'.repeat(64);
/** The columns of an entry that do not depend on its place, in the order of `append_activity`. */
const TOLD = [
  ...(['at', 'session', 'agent', 'role', 'event', 'tool', 'subject', 'rule', 'code', 'why'] as const),
  ...(['body_digest', 'body'] as const),
] as const satisfies readonly (keyof Activity)[];
const LONGEST_TEXT = 400;
const PAGE = 1000;

/** Appends one entry inside the transaction whose change it tells of. Call it late: on PostgreSQL appends queue here. */
export async function append(store: Pick<Store, 'dialect'>, tx: Tx, entry: Entry): Promise<number> {
  const told = toldBy(entry);
  if (store.dialect === 'postgres') {
    const [row] = (await tx.executeQuery(appendOnServer(tx, told))).rows as { seq: number }[];
    if (!row) throw new Error('PostgreSQL gave an entry of the record no number.');
    return row.seq;
  }
  const [last] = await newest(tx, {});
  const seq = (last?.seq ?? 0) + 1;
  const prev = last?.hash ?? GENESIS;
  await insert(tx, { ...told, seq, prev, hash: hashOf(prev, seq, told) });
  return seq;
}

/**
 * As `append`, for the very last of a transaction: on PostgreSQL the entry goes out together with the commit, so that
 * the others wait for the database only and not for this process. What fails, the commit throws.
 */
export async function appendLast(store: Pick<Store, 'dialect'>, tx: Tx, entry: Entry): Promise<void> {
  if (store.dialect === 'postgres') await sendLast(tx, appendOnServer(tx, toldBy(entry)));
  else await append(store, tx, entry);
}

/** An entry before it has its place in the chain. */
type Told = Omit<Activity, 'seq' | 'prev' | 'hash'>;

function toldBy(entry: Entry): Told {
  const body = entry.body === undefined ? '' : scrub(JSON.stringify(entry.body, bounded));
  return {
    at: entry.at,
    session: storable(entry.session),
    agent: storable(entry.agent),
    role: storable(entry.role),
    event: storable(entry.event),
    tool: storable(entry.tool),
    subject: storable(entry.subject),
    rule: storable(entry.rule),
    code: storable(entry.code),
    why: storable(entry.why && scrub(entry.why).slice(0, LONGEST_TEXT)),
    body_digest: sha256(body),
    body,
  };
}

/** Place, hash and row in one call: see `append_activity` in migration 2, which hashes as `hashOf` does. */
const onServer = bound<Told & { covered: string }>()((db, value) =>
  db.selectNoFrom(
    sql<number>`append_activity(${sql.join([...TOLD, 'covered' as const].map(value))})`.as('seq'),
  ),
);
const appendOnServer = (tx: Tx, told: Told) => onServer(tx, { ...told, covered: coveredBy(told) });

const newest = prepared()((db) =>
  db.selectFrom('activity').select(['seq', 'hash']).orderBy('seq', 'desc').limit(sql.lit(1)),
);

const COLUMNS: (keyof Activity)[] = ['seq', ...TOLD, 'prev', 'hash'];

const insert = prepared<Activity>()((db, value) =>
  db
    .insertInto('activity')
    .values(Object.fromEntries(COLUMNS.map((column) => [column, value(column)])) as unknown as Activity),
);

/**
 * Walks the whole chain and names the first entry that does not fit. A truncated or replaced record is
 * consistent in itself: compare `head` with one that was exported (see heads.ts) to notice it.
 */
export async function verifyRecord(db: Db, upTo = Number.MAX_SAFE_INTEGER): Promise<Verification> {
  let prev = GENESIS;
  let seq = 0;
  for (let after = Number.MIN_SAFE_INTEGER; ; after = seq) {
    const rows = await db
      .selectFrom('activity')
      .selectAll()
      .where('seq', '>', after)
      .where('seq', '<=', upTo)
      .orderBy('seq')
      .limit(PAGE)
      .execute();
    for (const row of rows) {
      const why = fault(row, seq + 1, prev);
      if (why) return { ok: false, entries: seq, seq: seq + 1, why };
      seq = row.seq;
      prev = row.hash;
    }
    if (rows.length < PAGE) return { ok: true, entries: seq, head: prev };
  }
}

function fault(row: Activity, expected: number, prev: string): string | undefined {
  if (row.seq < expected) return `entry ${row.seq} stands before the first`;
  if (row.seq > expected) return `entry ${expected} is missing`;
  if (row.prev !== prev) return `entry ${row.seq} does not follow entry ${row.seq - 1}`;
  if (row.hash !== hashOf(row.prev, row.seq, row)) return `entry ${row.seq} was changed`;
  if (row.body !== null && sha256(row.body) !== row.body_digest)
    return `the body of entry ${row.seq} was changed`;
  return undefined;
}

function hashOf(prev: string, seq: number, told: Told): string {
  return sha256(`${prev}[${seq},${coveredBy(told)}`);
}

/** The JSON list that the hash covers, without its first element, which is the number of the entry. */
function coveredBy(row: Told): string {
  const covered = [row.at, row.session, row.agent, row.role, row.event, row.tool, row.subject];
  return JSON.stringify([...covered, row.rule, row.code, row.why, row.body_digest]).slice(1);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The text as every database gives it back: what it changed would later look like tampering. */
export function storable(text = ''): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/** Long texts enter the record as their digest; what they say lies in an artifact. */
function bounded(_key: string, value: unknown): unknown {
  if (typeof value !== 'string' || value.length <= LONGEST_TEXT) return value;
  return `sha256:${sha256(value)} (${value.length} characters)`;
}
