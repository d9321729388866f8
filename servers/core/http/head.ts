import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

/** The names a server on this machine is always called by. */
export const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'] as const;

/** Headers that decide something: of two, a proxy and this server could each believe another one. */
const ONCE = ['host', 'origin', 'authorization', 'content-length', 'content-type'];
const HOST = /^(?<name>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
const BEARER = /^Bearer (mw_[\w-]{43})$/;
const LOOPBACK_ADDRESS = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/;

/** Whether what is sent to this address of a machine stays on it. A name that only looks so does not count. */
export const isLoopback = (address: string) => LOOPBACK_ADDRESS.test(address);

/**
 * Why the head of a request is not taken, or undefined. Host, and Origin where there is one, must be one of `names`
 * letter by letter, whatever the port: a web page that had its own name resolve to this server sends its own.
 */
export function headFault(
  request: IncomingMessage,
  names: readonly string[],
): { status: number; why: string } | undefined {
  const twice = ONCE.find((name) => (request.headersDistinct[name]?.length ?? 0) > 1);
  if (twice) return { status: 400, why: `two headers ${twice}` };
  if (!request.url?.startsWith('/')) return { status: 400, why: 'not a path' };
  const { host = '', origin } = request.headers;
  if (!isNamed(host, names)) return { status: 403, why: 'unknown host' };
  if (origin === undefined) return undefined;
  const [, from = ''] = /^https?:\/\/(.+)$/.exec(origin) ?? [];
  return isNamed(from, names) ? undefined : { status: 403, why: 'unknown origin' };
}

function isNamed(host: string, names: readonly string[]): boolean {
  const name = HOST.exec(host)?.groups?.name?.toLowerCase();
  return name !== undefined && names.includes(name);
}

/** The token of the Authorization header, the only place where one counts. */
export const bearerOf = ({ headers }: IncomingMessage): string | undefined =>
  BEARER.exec(headers.authorization ?? '')?.[1];

/** A request that stays open for events, and ends only with its connection. */
export const isStream = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' || headers['mcp-method'] === 'subscriptions/listen';

/**
 * By what failed credentials are counted: the client's address, of IPv6 the network. Behind a proxy it is the last
 * address in X-Forwarded-For, which that proxy wrote; nothing else is ever decided by that header.
 */
export function addressOf(request: IncomingMessage, behindProxy: boolean): string {
  const forwarded = behindProxy ? request.headersDistinct['x-forwarded-for']?.at(-1)?.split(',').at(-1) : '';
  const address = (forwarded?.trim() || request.socket.remoteAddress || '').replace(/^::ffff:/, '');
  if (!isIPv6(address)) return address.slice(0, 64);
  const [front = '', back] = address.split('::');
  const groups = front.split(':').filter(Boolean);
  const after = back === undefined ? [] : back.split(':').filter(Boolean);
  const zeros = back === undefined ? [] : Array(8 - groups.length - after.length).fill('0');
  return [...groups, ...zeros, ...after].slice(0, 4).join(':');
}
