import type { Target } from '../../core/target/target.ts';

/** What one request to a live product showed. `status` 0 means that no answer came or none was asked for. */
export interface Check {
  method: string;
  path: string;
  status: number;
  ok: boolean;
  why: string;
}

/** An answer, its body cut at a bound. */
export interface Answer {
  status: number;
  /** Media type without parameters, in lower case; empty when there is none. */
  media: string;
  body: string;
}

export interface Request {
  method: string;
  /** Path and query. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

const ANSWER_MS = 8_000;
/** So much of a body is read, in characters. */
export const MAX_BODY = 1_000_000;

/** Where a product answers: an address on this machine, or what a target elsewhere named. */
export type Origin = string | { target: string; url: string };

/** An address that a target named; only one of a target elsewhere may leave this machine. */
export const originAt = ({ name }: Pick<Target, 'name'>, url: string): Origin =>
  name === 'local' ? url : { target: name, url };

/** Its address; where a target gives each version a path of its own, with that path. */
export const addressOf = (origin: Origin): string => (typeof origin === 'string' ? origin : origin.url);

export const failedCheck = (method: string, path: string, why: string): Check => ({
  method,
  path: path.slice(0, 80),
  status: 0,
  ok: false,
  why: why.slice(0, 80),
});

export const check = (request: Request, answer: Answer, fault: string | undefined): Check => ({
  method: request.method,
  path: request.path.slice(0, 80),
  status: answer.status,
  ok: fault === undefined,
  why: (fault ?? 'as promised').slice(0, 80),
});

/**
 * Sends one request to a product, marked as verification: on this machine, or by HTTPS where a target says it is. Redirects are not followed. A product
 * that does not answer in time answers with status 0. Throws a RangeError for any other origin.
 */
export async function send(origin: Origin, request: Request, signal: AbortSignal): Promise<Answer> {
  const base = new URL(addressOf(origin));
  const url = new URL(`${base.pathname.replace(/\/$/, '')}${request.path}`, base);
  const near = ['127.0.0.1', '[::1]'].includes(url.hostname);
  const named = typeof origin !== 'string' && url.protocol === 'https:';
  if (url.origin !== base.origin || !(near || named))
    throw new RangeError(`${url.origin} is not where a product answers.`);
  try {
    const answer = await fetch(url, {
      method: request.method,
      headers: { 'x-millwright-verification': '1', ...request.headers },
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      ...(request.body !== undefined && { body: request.body }),
    });
    const [media = ''] = (answer.headers.get('content-type') ?? '').split(';');
    return { status: answer.status, media: media.trim().toLowerCase(), body: await bounded(answer) };
  } catch (error) {
    if (error instanceof TypeError || (error instanceof Error && /Abort|Timeout/.test(error.name)))
      return { status: 0, media: '', body: '' };
    throw error;
  }
}

async function bounded(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length >= MAX_BODY) break;
  }
  return text.slice(0, MAX_BODY);
}
