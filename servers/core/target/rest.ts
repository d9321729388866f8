import type * as z from 'zod';
import { ToolError } from '../errors.ts';
import type { RateBudget } from './rate_budget.ts';

const TIMEOUT_MS = 20_000;
/** How long one request may wait altogether for the rate limit, the provider's or ours. */
const PATIENCE_MS = 60_000;
const ATTEMPTS = 3;
const BACKOFF_MS = 500;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** How a process reaches one account. `token` is asked for each request and kept nowhere. */
export interface RestAccess {
  token(): Promise<string>;
  budget: RateBudget;
  /** The provider's API unless given; no trailing slash. */
  api?: string;
  timeoutMs?: number;
  sleep?(ms: number): Promise<void>;
  now?(): number;
}

/** One request; `path` is absolute below the API. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  json?: unknown;
  form?: FormData;
  bytes?: Uint8Array;
  /** Doing it twice is doing it once: it is sent again when nobody knows whether it arrived. Any GET is. */
  repeatable?: boolean;
  /** Instead of the account's token. */
  bearer?: string;
}

/** An error as the provider words it. */
export interface ApiError {
  code: string | number;
  message: string;
}

/** What an answer says: its result, or the provider's errors. */
type Said = { result: unknown } | { errors: readonly ApiError[] };

/** The rules by which a provider's failures are refused; each provider has its own. */
interface ProviderRules {
  answer: string;
  limit: string;
  refused: string;
  token: string;
  unreachable: string;
}

/** What is particular to the API of one provider. */
export interface Provider {
  /** As sentences name it. */
  name: string;
  rules: ProviderRules;
  api: string;
  /** The path as a request has it, made from ours. */
  address?(path: string): string;
  /** The path as an operator may read it, without an account. */
  shown?(path: string): string;
  /** What a JSON body says, or undefined when it is not in the form of this API. */
  read(body: unknown, status: number): Said | undefined;
  /** Milliseconds to wait after a 429, from its headers and body. */
  limitedMs(answer: Answered): number;
}

/** An answer of HTTP, its body read up to its bound. */
export interface Answered {
  status: number;
  headers: Headers;
  text: string;
}

/**
 * Sends a request and returns its result, checked. Waits for the rate limit; a 429 is sent again after the time it
 * names, a 5xx, a cut or a silence only where the request is repeatable. Throws `ApiRefusal` for what the provider
 * refuses, else UPSTREAM with the provider's rule for a token, a limit, silence or an answer.
 */
export type RestCall = <T>(schema: z.ZodType<T>, request: ApiRequest) => Promise<T>;

/** The provider understood the request and said no: `status` of HTTP, `codes` of its errors. */
export class ApiRefusal extends ToolError {
  readonly status: number;
  readonly codes: readonly (string | number)[];
  /** The answer's JSON. */
  readonly body: unknown;

  constructor(of: Named, status: number, errors: readonly ApiError[], body: unknown) {
    const codes = errors.map(({ code }) => code);
    super(
      'UPSTREAM',
      `${of.name} refused ${of.request} with status ${status}${codes.length > 0 ? `, code ${codes.join(', ')}` : ''}.`,
      `Say so in task_block; the operator finds the words of ${of.name} in the log.`,
      { rule: of.rules.refused, cause: new Error(errors.map(({ message }) => message).join('; ')) },
    );
    this.status = status;
    this.codes = codes;
    this.body = body;
  }
}

/** Nobody knows whether the request was carried out. */
export class ApiUnanswered extends ToolError {}

/** A request as an operator may read it: no account, no query. */
interface Named {
  name: string;
  rules: ProviderRules;
  request: string;
}

/** A caller of one provider's API. Opens no connection. */
export function restCaller(provider: Provider, access: RestAccess): RestCall {
  const sleep = access.sleep ?? ((ms: number) => new Promise((resolve) => setTimeout(resolve, ms)));
  const now = access.now ?? Date.now;

  return async (schema, request) => {
    const of = namedBy(provider, request);
    const patience = now() + PATIENCE_MS;
    for (let attempt = 1; ; attempt += 1) {
      await takeTurn(of, patience);
      const bearer = request.bearer ?? (await access.token());
      const answer = await send(request, bearer).catch((cause: unknown) => unanswered(of, cause));
      if (!(answer instanceof ToolError) && answer.status === 429) {
        attempt -= 1;
        await access.budget.pauseUntil(now() + provider.limitedMs(answer));
        continue;
      }
      if (!(answer instanceof ToolError) && answer.status < 500) return checked(provider, of, schema, answer);
      const again = request.method === 'GET' || request.repeatable === true;
      if (!again || attempt >= ATTEMPTS) throw failureOf(provider, of, answer);
      await sleep(BACKOFF_MS * 2 ** (attempt - 1));
    }
  };

  /** Waits until the account has room for one more request. Throws when that is too long. */
  async function takeTurn(of: Named, patience: number): Promise<void> {
    for (;;) {
      const wait = await access.budget.take();
      if (wait === 0) return;
      if (now() + wait > patience) throw limited(of, wait);
      await sleep(wait);
    }
  }

  async function send(request: ApiRequest, bearer: string): Promise<Answered> {
    const { method, path, query, json, form, bytes } = request;
    const url = new URL(`${access.api ?? provider.api}${provider.address?.(path) ?? path}`);
    for (const [key, value] of Object.entries(query ?? {})) url.searchParams.set(key, value);
    const headers: Record<string, string> = { ...request.headers, authorization: `Bearer ${bearer}` };
    if (json !== undefined) headers['content-type'] = 'application/json';
    const body = json === undefined ? (form ?? (bytes && new Uint8Array(bytes))) : JSON.stringify(json);
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(access.timeoutMs ?? TIMEOUT_MS),
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, headers: response.headers, text: await textOf(response) };
  }
}

/** Names a request for sentences. */
export const namedBy = ({ name, rules, shown }: Provider, { method, path }: ApiRequest): Named => ({
  name,
  rules,
  request: `${method} ${shown?.(path) ?? path}`,
});

/** Seconds or a date in Retry-After, in milliseconds; undefined where there is neither. */
export function retryAfterMs(headers: Headers): number | undefined {
  const text = headers.get('retry-after') ?? '';
  if (/^\d{1,5}$/.test(text)) return Math.max(1, Number(text)) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(1000, at - Date.now());
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

function checked<T>(provider: Provider, of: Named, schema: z.ZodType<T>, answer: Answered): T {
  const body = jsonOf(answer.text);
  const said = provider.read(body, answer.status);
  if (!said) throw failureOf(provider, of, answer);
  if ('errors' in said) {
    const { status } = answer;
    if (status === 401 || status === 403) throw tokenRefused(of, status, said.errors);
    throw new ApiRefusal(of, status, said.errors, body);
  }
  const value = schema.safeParse(said.result);
  if (value.success) return value.data;
  throw unreadable(of, 'has a result of another shape', value.error);
}

function failureOf(provider: Provider, of: Named, answer: Answered | ToolError): ToolError {
  if (answer instanceof ToolError) return answer;
  const what = /^\s*</.test(answer.text) ? 'an HTML page' : 'no JSON of its API';
  const cause = new Error(answer.text.slice(0, 500));
  if (!provider.read(jsonOf(answer.text), answer.status))
    return unreadable(of, `is ${what}, with status ${answer.status}`, cause);
  return new ApiUnanswered(
    'UPSTREAM',
    `${of.name} failed at ${of.request} with status ${answer.status}.`,
    AGAIN,
    { rule: of.rules.unreachable, cause },
  );
}

const AGAIN = 'Call the same tool again; what was done is found and not done twice.';

const unanswered = ({ name, rules, request }: Named, cause: unknown) =>
  new ApiUnanswered(
    'UPSTREAM',
    cause instanceof Error && cause.name === 'TimeoutError'
      ? `${name} did not answer ${request} in time.`
      : `${name} could not be reached for ${request}.`,
    AGAIN,
    { rule: rules.unreachable, cause },
  );

const limited = ({ rules, request }: Named, waitMs: number) =>
  new ToolError(
    'UPSTREAM',
    `The account's rate limit is used up; ${request} would have to wait ${Math.ceil(waitMs / 1000)} s.`,
    'Call the same tool again after that time; what was done is found and not done twice.',
    { rule: rules.limit },
  );

const tokenRefused = ({ name, rules, request }: Named, status: number, errors: readonly ApiError[]) =>
  new ToolError(
    'UPSTREAM',
    `${name} does not let the factory's token do ${request} (status ${status}).`,
    'Say so in task_block; a human gives the token the right, or sets another with `millwright secret set`.',
    { rule: rules.token, cause: new Error(errors.map(({ message }) => message).join('; ')) },
  );

/** A 5xx in another form may have been carried out; so may one whose answer makes no sense. */
export const unreadable = ({ name, rules, request }: Named, what: string, cause?: unknown) =>
  new ApiUnanswered('UPSTREAM', `${name}'s answer to ${request} ${what}.`, AGAIN, {
    rule: rules.answer,
    ...(cause === undefined ? {} : { cause }),
  });

/** Null for an answer without a body, undefined for what is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return undefined;
  }
}
