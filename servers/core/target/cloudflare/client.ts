import * as z from 'zod';
import { ToolError } from '../../errors.ts';
import type { RateBudget } from './rate_budget.ts';

const API = 'https://api.cloudflare.com/client/v4';
const TIMEOUT_MS = 20_000;
/** How long one request may wait altogether for the rate limit, Cloudflare's or ours. */
const PATIENCE_MS = 60_000;
const ATTEMPTS = 3;
const BACKOFF_MS = 500;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const PAGE = 100;
const MAX_PAGES = 50;

/** How a process reaches one account. `token` is asked for each request and kept nowhere. */
export interface CloudflareAccess {
  account: string;
  token(): Promise<string>;
  budget: RateBudget;
  /** Cloudflare's API unless given; no trailing slash. */
  api?: string;
  timeoutMs?: number;
  sleep?(ms: number): Promise<void>;
  now?(): number;
}

/** One request. `path` is absolute; `:account` in it stands for the account. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Readonly<Record<string, string>>;
  json?: unknown;
  form?: FormData;
  /** Doing it twice is doing it once: it is sent again when nobody knows whether it arrived. Any GET is. */
  repeatable?: boolean;
  /** Instead of the account's token. */
  bearer?: string;
}

export interface CloudflareClient {
  /**
   * Sends a request and returns its `result`, checked. Waits for the rate limit; a 429 is sent again after its
   * Retry-After, a 5xx, a cut or a silence only where the request is repeatable. Throws `CloudflareRefusal` for
   * what Cloudflare refuses, else UPSTREAM with rule `cloudflare.token`, `.limit`, `.unreachable` or `.answer`.
   */
  call<T>(schema: z.ZodType<T>, request: ApiRequest): Promise<T>;
  /** Every item of a listing that is numbered by pages. */
  all<T>(item: z.ZodType<T>, path: string, query?: Readonly<Record<string, string>>): Promise<T[]>;
}

/** Cloudflare understood the request and said no: `status` of HTTP, `codes` of its errors. */
export class CloudflareRefusal extends ToolError {
  readonly status: number;
  readonly codes: readonly number[];

  constructor(request: ApiRequest, status: number, errors: readonly ApiError[]) {
    const codes = errors.map(({ code }) => code);
    super(
      'UPSTREAM',
      `Cloudflare refused ${named(request)} with status ${status}${codes.length > 0 ? `, code ${codes.join(', ')}` : ''}.`,
      'Say so in task_block; the operator finds the words of Cloudflare in the log.',
      { rule: 'cloudflare.refused', cause: new Error(errors.map(({ message }) => message).join('; ')) },
    );
    this.status = status;
    this.codes = codes;
  }
}

/** Nobody knows whether the request was carried out. */
export class CloudflareUnanswered extends ToolError {}

const apiError = z.object({ code: z.number(), message: z.string() });
type ApiError = z.output<typeof apiError>;
const envelope = z.object({
  success: z.boolean(),
  errors: z.array(apiError).nullish(),
  result: z.unknown(),
});

/** A client for one account. Opens no connection. */
export function cloudflareClient(access: CloudflareAccess): CloudflareClient {
  const sleep = access.sleep ?? ((ms: number) => new Promise((resolve) => setTimeout(resolve, ms)));
  const now = access.now ?? Date.now;

  async function call<T>(schema: z.ZodType<T>, request: ApiRequest): Promise<T> {
    const patience = now() + PATIENCE_MS;
    for (let attempt = 1; ; attempt += 1) {
      await takeTurn(request, patience);
      const bearer = request.bearer ?? (await access.token());
      const answer = await send(request, bearer).catch((cause: unknown) => unanswered(request, cause));
      const kind = verdictOn(answer);
      if (kind === 'limited') {
        attempt -= 1;
        await access.budget.pauseUntil(now() + retryAfterMs(answer as Answered));
        continue;
      }
      if (kind === 'fine') return checked(schema, request, answer as Answered);
      const again = request.method === 'GET' || request.repeatable === true;
      if (!again || attempt >= ATTEMPTS) throw failureOf(request, answer);
      await sleep(BACKOFF_MS * 2 ** (attempt - 1));
    }
  }

  /** Waits until the account has room for one more request. Throws when that is too long. */
  async function takeTurn(request: ApiRequest, patience: number): Promise<void> {
    for (;;) {
      const wait = await access.budget.take();
      if (wait === 0) return;
      if (now() + wait > patience) throw limited(request, wait);
      await sleep(wait);
    }
  }

  async function send(request: ApiRequest, bearer: string): Promise<Answered> {
    const { method, path, query, json, form } = request;
    const url = new URL(`${access.api ?? API}${path.replace(':account', access.account)}`);
    for (const [key, value] of Object.entries(query ?? {})) url.searchParams.set(key, value);
    const headers: Record<string, string> = { authorization: `Bearer ${bearer}` };
    if (json !== undefined) headers['content-type'] = 'application/json';
    const body = json === undefined ? form : JSON.stringify(json);
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(access.timeoutMs ?? TIMEOUT_MS),
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, headers: response.headers, text: await textOf(response) };
  }

  return {
    call,
    async all(item, path, query = {}) {
      const found: z.output<typeof item>[] = [];
      for (let page = 1; page <= MAX_PAGES; page += 1) {
        const paged = { ...query, page: String(page), per_page: String(PAGE) };
        const items = await call(z.array(item), { method: 'GET', path, query: paged });
        found.push(...items);
        if (items.length < PAGE) return found;
      }
      throw unreadable({ method: 'GET', path }, `has more than ${MAX_PAGES * PAGE} entries`);
    },
  };
}

interface Answered {
  status: number;
  headers: Headers;
  text: string;
}

/** Reads a body up to its bound, under the request's own time limit. */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) throw new Error(`an answer is over ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function verdictOn(answer: Answered | ToolError): 'fine' | 'limited' | 'failed' {
  if (answer instanceof ToolError || answer.status >= 500) return 'failed';
  return answer.status === 429 ? 'limited' : 'fine';
}

/** Seconds, or a date; where Cloudflare gives neither, what it blocks for. */
function retryAfterMs({ headers }: Answered): number {
  const text = headers.get('retry-after') ?? '';
  if (/^\d{1,5}$/.test(text)) return Math.max(1, Number(text)) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? 5 * 60_000 : Math.max(1000, at - Date.now());
}

function checked<T>(schema: z.ZodType<T>, request: ApiRequest, answer: Answered): T {
  const parsed = envelope.safeParse(jsonOf(answer.text));
  if (!parsed.success) throw failureOf(request, answer);
  const { success, errors, result } = parsed.data;
  if (answer.status === 401 || answer.status === 403)
    throw tokenRefused(request, answer.status, errors ?? []);
  if (!success || answer.status >= 400) throw new CloudflareRefusal(request, answer.status, errors ?? []);
  const value = schema.safeParse(result);
  if (value.success) return value.data;
  throw unreadable(request, 'has a result of another shape', value.error);
}

function failureOf(request: ApiRequest, answer: Answered | ToolError): ToolError {
  if (answer instanceof ToolError) return answer;
  const what = /^\s*</.test(answer.text) ? 'an HTML page' : 'no JSON of its API';
  if (!envelope.safeParse(jsonOf(answer.text)).success)
    return unreadable(
      request,
      `is ${what}, with status ${answer.status}`,
      new Error(answer.text.slice(0, 500)),
    );
  return new CloudflareUnanswered(
    'UPSTREAM',
    `Cloudflare failed at ${named(request)} with status ${answer.status}.`,
    AGAIN,
    { rule: 'cloudflare.unreachable', cause: new Error(answer.text.slice(0, 500)) },
  );
}

const AGAIN = 'Call the same tool again; what was done is found and not done twice.';

const unanswered = (request: ApiRequest, cause: unknown) =>
  new CloudflareUnanswered(
    'UPSTREAM',
    cause instanceof Error && cause.name === 'TimeoutError'
      ? `Cloudflare did not answer ${named(request)} in time.`
      : `Cloudflare could not be reached for ${named(request)}.`,
    AGAIN,
    { rule: 'cloudflare.unreachable', cause },
  );

const limited = (request: ApiRequest, waitMs: number) =>
  new ToolError(
    'UPSTREAM',
    `The account's rate limit is used up; ${named(request)} would have to wait ${Math.ceil(waitMs / 1000)} s.`,
    'Call the same tool again after that time; what was done is found and not done twice.',
    { rule: 'cloudflare.limit' },
  );

const tokenRefused = (request: ApiRequest, status: number, errors: readonly ApiError[]) =>
  new ToolError(
    'UPSTREAM',
    `Cloudflare does not let the factory's token do ${named(request)} (status ${status}).`,
    'Say so in task_block; a human gives the token the right, or sets another with `millwright secret set`.',
    { rule: 'cloudflare.token', cause: new Error(errors.map(({ message }) => message).join('; ')) },
  );

/** A 5xx without an envelope may have been carried out; so may one whose answer makes no sense. */
const unreadable = (request: ApiRequest, what: string, cause?: unknown) =>
  new CloudflareUnanswered('UPSTREAM', `Cloudflare's answer to ${named(request)} ${what}.`, AGAIN, {
    rule: 'cloudflare.answer',
    ...(cause === undefined ? {} : { cause }),
  });

/** The request as an operator may read it: no account, no query. */
const named = ({ method, path }: ApiRequest) => `${method} ${path.replace('/accounts/:account', '')}`;

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
