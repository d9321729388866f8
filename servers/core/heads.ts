import type { KeyObject } from 'node:crypto';
import * as z from 'zod';
import { verifyRecord } from './record.ts';
import { canonicalJson } from './signing/canonical.ts';
import { type SshPublicKey, signSsh, verifySsh } from './signing/sshsig.ts';
import type { Db } from './store/store.ts';

/** SSHSIG namespace of the factory key's signature over a head of the record. */
const RECORD_NAMESPACE = 'millwright-record';
const LARGEST_HEAD = 16_384;

const headSchema = z.strictObject({
  factory: z.string().min(1).max(40),
  seq: z.int().min(0),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  at: z.int().min(0),
});
const fileSchema = z.strictObject({ head: headSchema, signature: z.string().max(4096) });

/** Where the record stood: its last entry, that entry's hash, and when (milliseconds since 1970). */
export type Head = z.output<typeof headSchema>;

export type HeadVerification =
  | { ok: true; entries: number; head: string }
  | { ok: false; seq: number; why: string };

/** The text of an exported head: the head with the factory key's SSHSIG over its canonical JSON, one line. */
export function signHead(head: Head, key: KeyObject): string {
  const signature = signSsh(canonicalJson(head), key, RECORD_NAMESPACE);
  return `${canonicalJson({ head, signature })}\n`;
}

/**
 * The head in an exported text, if one of `keys` signed it. Throws an Error for a text that is no head and
 * SigningError for one that nobody of `keys` signed.
 */
export function readHead(text: string, keys: readonly SshPublicKey[]): Head {
  const { head, signature } = parseHead(text);
  verifySsh(canonicalJson(head), signature, { namespace: RECORD_NAMESPACE, keys });
  return head;
}

/**
 * Whether the record is whole and still holds, at its place, the entry that an earlier head names. A record
 * that was cut off or written anew is consistent in itself; only a head kept elsewhere shows it.
 */
export async function verifyAgainst(db: Db, factory: string, head: Head): Promise<HeadVerification> {
  const found = await verifyRecord(db);
  if (!found.ok) return { ok: false, seq: found.seq, why: found.why };
  if (head.factory !== factory)
    return { ok: false, seq: 0, why: `the head is one of factory ${head.factory}` };
  if (found.entries < head.seq) {
    const why = `the record was truncated: it ends at entry ${found.entries}, the head names entry ${head.seq}`;
    return { ok: false, seq: found.entries + 1, why };
  }
  const then = await verifyRecord(db, head.seq);
  if (!then.ok || then.head !== head.hash) {
    return {
      ok: false,
      seq: head.seq,
      why: `the record was replaced: entry ${head.seq} is not the one of the head`,
    };
  }
  return { ok: true, entries: found.entries, head: found.head };
}

function parseHead(text: string): z.output<typeof fileSchema> {
  try {
    if (text.length > LARGEST_HEAD) throw new Error('too long');
    return fileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error('This file is no exported head of a record.', { cause });
  }
}
