import * as z from 'zod';
import {
  type Answered,
  namedBy,
  type Provider,
  type RestAccess,
  type RestCall,
  restCaller,
  retryAfterMs,
  unreadable,
} from '../rest.ts';

const PAGE = '100';
const MAX_PAGES = 20;
/** Where Vercel does not say when to come back. */
const LIMITED_MS = 60_000;

/** How a process reaches one account, or one team of it. */
export interface VercelAccess extends RestAccess {
  /** `team_…`; the token's own account where left out. */
  team?: string;
}

export interface VercelClient {
  call: RestCall;
  /**
   * Looks through a listing, newest first, until `wanted` says yes. Its items stand under `key`, and its pages are
   * continued by the parameter `after` (vercel.com/docs/rest-api, Pagination).
   */
  find<T>(listing: Listing<T>, wanted: (item: T) => boolean): Promise<T | undefined>;
  /** Where a host that Vercel named answers: by plain HTTP only where the API itself does. */
  origin(host: string): string;
}

export interface Listing<T> {
  item: z.ZodType<T>;
  key: 'projects' | 'deployments' | 'domains';
  path: string;
  after: 'from' | 'until';
  query?: Readonly<Record<string, string>>;
}

/** {"error":{"code":"not_found","message":"…"}}: vercel.com/docs/rest-api/errors */
const failure = z.object({ error: z.object({ code: z.string(), message: z.string().default('') }) });
const limit = z.object({ error: z.object({ limit: z.object({ reset: z.number() }) }) });
const pagination = z.object({ next: z.union([z.number(), z.string()]).nullish() }).nullish();

/** A client for one account or team. Opens no connection. */
export function vercelClient(access: VercelAccess): VercelClient {
  const rest = restCaller(VERCEL, access);
  const team: Record<string, string> = access.team === undefined ? {} : { teamId: access.team };
  const call: RestCall = (schema, request) =>
    rest(schema, { ...request, query: { ...request.query, ...team } });
  return {
    call,
    async find({ item, key, path, after, query }, wanted) {
      const page = z.object({ [key]: z.array(item), pagination });
      let next: string | undefined;
      for (let pages = 0; pages < MAX_PAGES; pages += 1) {
        const asked = { ...query, limit: PAGE, ...(next !== undefined && { [after]: next }) };
        const found = (await call(page, { method: 'GET', path, query: asked })) as Page<
          z.output<typeof item>
        >;
        const hit = (found[key] ?? []).find(wanted);
        if (hit !== undefined) return hit;
        if (found.pagination?.next == null) return undefined;
        next = String(found.pagination.next);
      }
      throw unreadable(namedBy(VERCEL, { method: 'GET', path }), `has over ${MAX_PAGES} pages`);
    },
    origin: (host) => `${new URL(access.api ?? VERCEL.api).protocol}//${host}`,
  };
}

type Page<T> = { [key in Listing<T>['key']]?: T[] } & { pagination?: z.output<typeof pagination> };

const VERCEL: Provider = {
  name: 'Vercel',
  rules: {
    answer: 'vercel.answer',
    limit: 'vercel.limit',
    refused: 'vercel.refused',
    token: 'vercel.token',
    unreachable: 'vercel.unreachable',
  },
  api: 'https://api.vercel.com',
  read(body, status) {
    if (status < 400) return body === undefined ? undefined : { result: body };
    const said = failure.safeParse(body);
    return said.success ? { errors: [said.data.error] } : undefined;
  },
  limitedMs,
};

/** Retry-After, else the time in seconds since 1970 that the body or X-RateLimit-Reset names. */
function limitedMs({ headers, text }: Answered): number {
  const named = retryAfterMs(headers);
  if (named !== undefined) return named;
  const told = limit.safeParse(parsed(text));
  const reset = told.success ? told.data.error.limit.reset : Number(headers.get('x-ratelimit-reset') ?? 'no');
  return Number.isFinite(reset) ? Math.max(1000, reset * 1000 - Date.now()) : LIMITED_MS;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
