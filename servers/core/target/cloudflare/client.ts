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

const PAGE = 100;
const MAX_PAGES = 50;

/** How a process reaches one account. */
export interface CloudflareAccess extends RestAccess {
  account: string;
}

/** `:account` in the path of a request stands for the account. */
export interface CloudflareClient {
  call: RestCall;
  /** Every item of a listing that is numbered by pages. */
  all<T>(item: z.ZodType<T>, path: string, query?: Readonly<Record<string, string>>): Promise<T[]>;
}

const apiError = z.object({ code: z.number(), message: z.string() });
const envelope = z.object({
  success: z.boolean(),
  errors: z.array(apiError).nullish(),
  result: z.unknown(),
});

/** A client for one account. Opens no connection. */
export function cloudflareClient(access: CloudflareAccess): CloudflareClient {
  const provider = providerOf(access.account);
  const call = restCaller(provider, access);
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
      throw unreadable(
        namedBy(provider, { method: 'GET', path }),
        `has more than ${MAX_PAGES * PAGE} entries`,
      );
    },
  };
}

const providerOf = (account: string): Provider => ({
  name: 'Cloudflare',
  rules: {
    answer: 'cloudflare.answer',
    limit: 'cloudflare.limit',
    refused: 'cloudflare.refused',
    token: 'cloudflare.token',
    unreachable: 'cloudflare.unreachable',
  },
  api: 'https://api.cloudflare.com/client/v4',
  address: (path) => path.replace(':account', account),
  shown: (path) => path.replace('/accounts/:account', ''),
  read(body, status) {
    const parsed = envelope.safeParse(body);
    if (!parsed.success) return undefined;
    const { success, errors, result } = parsed.data;
    return success && status < 400 ? { result } : { errors: errors ?? [] };
  },
  limitedMs,
});

/** Where Cloudflare says nothing, what it blocks for. */
const limitedMs = ({ headers }: Answered): number => retryAfterMs(headers) ?? 5 * 60_000;
