import { createHmac, timingSafeEqual } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { enlist, listedProcesses } from './census.ts';
import type { Db } from './store/store.ts';

/**
 * Lets the stdio servers of this machine find this process. Returns how to take it back; do that before the
 * server stops listening.
 *
 * @param url where it listens, as `serveHttp` gave it
 */
export const announceDaemon = (home: string, url: string): Promise<() => Promise<void>> =>
  enlist(home, { kind: 'daemon', url: reachable(url) });

/**
 * The addresses of the daemons that run for the factory in `home` on this machine, newest first. What a dead one
 * left is removed. Whether an address still belongs to a daemon only its proof tells.
 */
export async function findDaemons(home: string): Promise<string[]> {
  const daemons = (await listedProcesses(home)).filter(({ kind }) => kind === 'daemon');
  await Promise.all(
    daemons.filter(({ runs }) => runs === false).map(({ file }) => rm(file, { force: true })),
  );
  return daemons.flatMap(({ runs, url }) => (runs && url ? [url] : []));
}

/** Which enrolment a proof is asked for: too little of the hash to compute a proof from. */
export const enrolmentHint = (tokenHash: string) => tokenHash.slice(0, HINT);

/**
 * What only a daemon with this factory's store can answer: an HMAC-SHA256 under the hash of the caller's own
 * enrolment token. The port is part of it, so that a program on another port cannot pass on somebody's proof.
 */
const daemonProof = (tokenHash: string, nonce: string, port: number) =>
  createHmac('sha256', tokenHash).update(`millwright daemon ${nonce} ${port}`).digest('hex');

/** Whether a proof is the right one; in constant time. */
export function isProof(given: string, tokenHash: string, nonce: string, port: number): boolean {
  const [expected, actual] = [Buffer.from(daemonProof(tokenHash, nonce, port)), Buffer.from(given)];
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/**
 * The daemon's side: what `GET /health?nonce=…&enrolment=…` answers. Undefined when no proof was asked for, or
 * for an enrolment of another factory.
 */
export async function proveDaemon(db: Db, asked: URLSearchParams, port: number): Promise<string | undefined> {
  const [nonce, hint] = [asked.get('nonce') ?? '', asked.get('enrolment') ?? ''];
  if (!/^[0-9a-f]{32}$/.test(nonce) || !HINT_FORM.test(hint)) return undefined;
  const row = await db
    .selectFrom('enrolments')
    .select('token_hash')
    .where('token_hash', '>=', hint)
    .where('token_hash', '<', `${hint}g`)
    .executeTakeFirst();
  return row && daemonProof(row.token_hash, nonce, port);
}

const HINT = 16;
const HINT_FORM = new RegExp(`^[0-9a-f]{${HINT}}$`);

/** An address that means "all of this machine" is reached over the loopback one. */
function reachable(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname === '0.0.0.0' ? '127.0.0.1' : hostname === '[::]' ? '[::1]' : hostname;
  return `${protocol}//${host}:${port}`;
}
