import { rawExchange } from './raw.ts';
import type { Budget, Exchange, HttpRequest, Identities } from './types.ts';
import { NOBODY } from './types.ts';

const BODY_BYTES = 1024 * 1024;
const ONE_ANSWER_MS = 5_000;
const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** The bound of requests or of time is reached. */
export class BudgetSpent extends Error {}

export interface Client {
  /** Sends one request, to the one origin, and never follows a redirect. Throws `BudgetSpent`; no answer, twice, is status 0. */
  send(request: HttpRequest): Promise<Exchange>;
  /** The product runs at another origin from now on. Throws a RangeError as `openClient` does. */
  moveTo(origin: string): void;
  /** How many requests were sent. */
  sent(): number;
}

export interface ClientOptions {
  /** Asked before each request, so that the caller can hold a part of it back. */
  budget(): Budget;
  fetch?: typeof fetch | undefined;
  /** Hosts besides loopback that may be attacked, as in a URL. */
  allowed?: readonly string[] | undefined;
  /** Whose headers a request's `as` stands for. */
  identities?: Identities;
}

/**
 * A bounded HTTP client for one origin.
 *
 * Throws a RangeError when the origin is not plain http(s) on a loopback address or an allowed host.
 */
export function openClient(
  origin: string,
  { budget, fetch: given, allowed = [], identities }: ClientOptions,
): Client {
  let base = checked(origin, allowed);
  const started = performance.now();
  let sent = 0;

  return {
    sent: () => sent,
    moveTo(other) {
      base = checked(other, allowed);
    },
    async send(plain) {
      // Anything else could continue the host's name.
      if (!plain.path.startsWith('/')) throw new RangeError('A path starts with a slash.');
      const request = signed(plain, identities);
      const { requests, ms } = budget();
      const left = ms - (performance.now() - started);
      if (sent >= requests || left <= 0) throw new BudgetSpent();
      sent += 1;
      const answer = await exchange(base, request, Math.min(left, ONE_ANSWER_MS), given);
      // Our own deadline cut it off: that says nothing about the product.
      if (answer.status === 0 && left < ONE_ANSWER_MS && performance.now() - started >= ms)
        throw new BudgetSpent();
      return answer;
    },
  };
}

function checked(origin: string, allowed: readonly string[]): string {
  const url = new URL(origin);
  const may = LOOPBACK.test(url.hostname) || allowed.includes(url.hostname) || allowed.includes(url.host);
  if (!/^https?:$/.test(url.protocol) || !may) {
    throw new RangeError(`The probe attacks loopback and explicitly allowed hosts only, not ${url.host}.`);
  }
  return url.origin;
}

/** The request with the headers of who sends it; its own headers go before. */
function signed(request: HttpRequest, identities: Identities | undefined): HttpRequest {
  if (!identities || request.as === NOBODY) return request;
  const { users, admin, expired } = identities;
  const known = [...users, ...(admin ? [admin] : []), ...(expired ? [expired] : [])];
  const who = request.as === undefined ? users[0] : known.find(({ name }) => name === request.as);
  return who ? { ...request, as: who.name, headers: { ...who.headers, ...request.headers } } : request;
}

async function exchange(
  origin: string,
  request: HttpRequest,
  ms: number,
  given: typeof fetch | undefined,
): Promise<Exchange> {
  const signal = AbortSignal.timeout(Math.ceil(ms));
  const started = performance.now();
  const took = () => performance.now() - started;
  const once = async (): Promise<Exchange> => {
    if (!given) return { ...(await rawExchange(origin, request, signal, BODY_BYTES)), ms: took() };
    const response = await given(origin + request.path, {
      method: request.method,
      headers: request.headers,
      redirect: 'manual',
      signal,
      ...(request.body === undefined ? {} : { body: request.body }),
    });
    const body = await readBounded(response);
    return { request, status: response.status, headers: headersOf(response.headers), body, ms: took() };
  };
  try {
    // A server may close a kept-alive connection at any time, after refusing a large body for example.
    return await once().catch((error) => (signal.aborted ? Promise.reject(error) : once()));
  } catch (error) {
    const body = error instanceof Error ? error.name : 'no answer';
    return { request, status: 0, headers: {}, body, ms: took() };
  }
}

/** Lower-case names; several cookies are one a line. */
function headersOf(headers: Headers): Record<string, string> {
  const cookies = headers.getSetCookie();
  return {
    ...Object.fromEntries(headers),
    ...(cookies.length > 0 ? { 'set-cookie': cookies.join('\n') } : {}),
  };
}

async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    bytes += chunk.byteLength;
    if (bytes >= BODY_BYTES) break;
  }
  return text;
}
