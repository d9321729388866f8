import type { Budget, Exchange, HttpRequest } from './types.ts';

const BODY_BYTES = 1024 * 1024;
const ONE_ANSWER_MS = 5_000;
const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** The bound of requests or of time is reached. */
export class BudgetSpent extends Error {}

export interface Client {
  /** Sends one request, to the one origin, and never follows a redirect. Throws `BudgetSpent`; no answer, twice, is status 0. */
  send(request: HttpRequest): Promise<Exchange>;
  /** How many requests were sent. */
  sent(): number;
}

/**
 * A bounded HTTP client for one origin.
 *
 * `budget()` is asked before each request, so that the caller can hold a part of it back.
 * Throws a RangeError when the origin is not plain http(s) on a loopback address.
 */
export function openClient(origin: string, budget: () => Budget, fetcher: typeof fetch): Client {
  const base = new URL(origin);
  if (!/^https?:$/.test(base.protocol) || !LOOPBACK.test(base.hostname)) {
    throw new RangeError(`The probe attacks loopback addresses only, not ${base.host}.`);
  }
  const started = performance.now();
  let sent = 0;

  return {
    sent: () => sent,
    async send(request) {
      // Anything else could continue the host's name.
      if (!request.path.startsWith('/')) throw new RangeError('A path starts with a slash.');
      const { requests, ms } = budget();
      const left = ms - (performance.now() - started);
      if (sent >= requests || left <= 0) throw new BudgetSpent();
      sent += 1;
      const answer = await exchange(base.origin, request, Math.min(left, ONE_ANSWER_MS), fetcher);
      // Our own deadline cut it off: that says nothing about the product.
      if (answer.status === 0 && left < ONE_ANSWER_MS && performance.now() - started >= ms)
        throw new BudgetSpent();
      return answer;
    },
  };
}

async function exchange(
  origin: string,
  request: HttpRequest,
  ms: number,
  fetcher: typeof fetch,
): Promise<Exchange> {
  const signal = AbortSignal.timeout(Math.ceil(ms));
  const once = async (): Promise<Exchange> => {
    const response = await fetcher(origin + request.path, {
      method: request.method,
      headers: request.headers,
      redirect: 'manual',
      signal,
      ...(request.body === undefined ? {} : { body: request.body }),
    });
    const body = await readBounded(response);
    return { request, status: response.status, headers: Object.fromEntries(response.headers), body };
  };
  try {
    // A server may close a kept-alive connection at any time, after refusing a large body for example.
    return await once().catch((error) => (signal.aborted ? Promise.reject(error) : once()));
  } catch (error) {
    return { request, status: 0, headers: {}, body: error instanceof Error ? error.name : 'no answer' };
  }
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
