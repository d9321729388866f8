import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { prepared } from './store/prepared.ts';
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
/** An id no other program uses for an advisory lock: "RECO" in ASCII. */
const APPEND_LOCK = 0x5245434f;
const LONGEST_TEXT = 400;
const PAGE = 1000;

/** Appends one entry inside the transaction whose change it tells of. Call it last: on PostgreSQL appends queue here. */
export async function append(store: Pick<Store, 'dialect'>, tx: Tx, entry: Entry): Promise<number> {
  if (store.dialect === 'postgres') await sql`select pg_advisory_xact_lock(${APPEND_LOCK})`.execute(tx);
  const [last] = await newest(tx, {});
  const body = entry.body === undefined ? '' : JSON.stringify(entry.body, bounded);
  const row: Omit<Activity, 'hash'> = {
    seq: (last?.seq ?? 0) + 1,
    at: entry.at,
    session: storable(entry.session),
    agent: storable(entry.agent),
    role: storable(entry.role),
    event: storable(entry.event),
    tool: storable(entry.tool),
    subject: storable(entry.subject),
    rule: storable(entry.rule),
    code: storable(entry.code),
    why: storable(entry.why?.slice(0, LONGEST_TEXT)),
    body_digest: sha256(body),
    body,
    prev: last?.hash ?? GENESIS,
  };
  await insert(tx, { ...row, hash: hashOf(row) });
  return row.seq;
}

const newest = prepared()((db) =>
  db.selectFrom('activity').select(['seq', 'hash']).orderBy('seq', 'desc').limit(sql.lit(1)),
);

const COLUMNS = [
  ...['seq', 'at', 'session', 'agent', 'role', 'event', 'tool', 'subject', 'rule', 'code', 'why'],
  ...['body_digest', 'body', 'prev', 'hash'],
] as (keyof Activity)[];

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
  if (row.hash !== hashOf(row)) return `entry ${row.seq} was changed`;
  if (row.body !== null && sha256(row.body) !== row.body_digest)
    return `the body of entry ${row.seq} was changed`;
  return undefined;
}

function hashOf(row: Omit<Activity, 'hash'>): string {
  const covered = [row.seq, row.at, row.session, row.agent, row.role, row.event, row.tool, row.subject];
  return sha256(row.prev + JSON.stringify([...covered, row.rule, row.code, row.why, row.body_digest]));
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
