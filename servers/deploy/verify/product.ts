import {
  type Answer,
  addressOf,
  type Check,
  check,
  failedCheck,
  type Origin,
  type Request,
  send,
} from './check.ts';
import { brokenPromise, type Operation, operationsOf } from './openapi.ts';
import type { Json } from './sample.ts';

const DOCUMENT = '/openapi.json';
const MOST_OPERATIONS = 300;
const MOST_LINKS = 40;
const AT_ONCE = 4;
/** All checks together; hosts give up after 45 s. */
const ALL_MS = 30_000;

/**
 * Calls every endpoint of a product: the operations of its `/openapi.json` with payloads made from
 * their schemas, and the front page with what it links to. Each must answer below 500 and as declared. Without a
 * description the front page is the promise. What has no answer when the time is over has failed.
 */
export async function checkProduct(origin: Origin, signal: AbortSignal): Promise<Check[]> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(ALL_MS)]);
  const described = await send(origin, { method: 'GET', path: DOCUMENT }, until);
  const operations = operationsIn(described);
  const checks = described.status === 404 ? [] : [documentCheck(described, operations !== undefined)];
  const tried = await each(operations ?? [], (operation) => tryOperation(origin, operation, until));
  return [...checks, ...tried, ...(await checkPages(origin, operations !== undefined, until))];
}

/** What the answer at the description's path says: some products answer every path, with a page or with JSON. */
function documentCheck(described: Answer, isDocument: boolean): Check {
  const request: Request = { method: 'GET', path: DOCUMENT };
  if (isDocument) return check(request, described, undefined);
  if (described.status >= 500) return check(request, described, 'the server failed');
  if (described.status !== 200 || claimsToBeOne(described.body))
    return check(request, described, 'it is no OpenAPI document');
  return { ...check(request, described, undefined), why: 'no "openapi" in it: taken as if there were none' };
}

/** Whether a body means to describe an API, sound or not: it has the field, or is broken JSON that may have had it. */
function claimsToBeOne(body: string): boolean {
  const value = parsed(body);
  if (value === undefined) return /^\s*[[{]/.test(body);
  return typeof value === 'object' && value !== null && ('openapi' in value || 'swagger' in value);
}

/** A request that may be sent as often as one likes, and why its answer is wrong; undefined when it is right. */
export interface Probe {
  request: Request;
  faultOf(answer: Answer): string | undefined;
}

/**
 * What can be asked of a product again and again without changing its data: the GETs of its description, or, when
 * it has none, its front page.
 */
export async function probesOf(origin: Origin, signal: AbortSignal): Promise<Probe[]> {
  const operations = operationsIn(await send(origin, { method: 'GET', path: DOCUMENT }, signal)) ?? [];
  const probes = operations.flatMap((operation): Probe[] =>
    operation.method === 'GET' && operation.request
      ? [{ request: operation.request, faultOf: (answer) => brokenPromise(operation, answer) }]
      : [],
  );
  return probes.length > 0 ? probes : [{ request: { method: 'GET', path: '/' }, faultOf: brokenPage }];
}

function operationsIn({ status, body }: Answer): Operation[] | undefined {
  return status === 200 ? operationsOf(parsed(body), MOST_OPERATIONS) : undefined;
}

function parsed(body: string): Json {
  try {
    return JSON.parse(body) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function tryOperation(origin: Origin, operation: Operation, signal: AbortSignal): Promise<Check> {
  const { request, method, path } = operation;
  if (!request) {
    const why = 'not called: it could change data that is not ours';
    return { ...failedCheck(method, path, why), ok: true };
  }
  const answer = await send(origin, request, signal);
  return check(request, answer, brokenPromise(operation, answer));
}

/** The front page and what it links to; a described product need not have one. */
async function checkPages(origin: Origin, described: boolean, signal: AbortSignal): Promise<Check[]> {
  const front: Request = { method: 'GET', path: '/' };
  const page = await send(origin, front, signal);
  if (described && page.status === 404) return [];
  const links = page.media === 'text/html' ? linksIn(page.body, new URL(addressOf(origin)).origin) : [];
  const followed = await each(links, async (path) => {
    const request = { method: 'GET', path };
    const answer = await send(origin, request, signal);
    return check(request, answer, brokenPage(answer));
  });
  return [check(front, page, brokenPage(page)), ...followed];
}

function brokenPage({ status, media, body }: Answer): string | undefined {
  if (status === 0) return 'no answer came';
  if (status >= 500) return 'the server failed';
  if (status >= 400) return 'it does not answer with a page';
  return body !== '' && media === '' ? 'it names no content type' : undefined;
}

/** Paths of the same origin that a page names in `href` and `src`. */
function linksIn(html: string, origin: string): string[] {
  const named = [...html.matchAll(/\s(?:href|src)\s*=\s*(?:"([^"]*)"|'([^']*)')/gi)];
  const paths = named.flatMap(([, double, single]) => {
    const link = (double ?? single ?? '').replaceAll('&amp;', '&');
    const url = URL.parse(link, origin);
    return url && url.origin === origin && url.pathname !== '/' ? [`${url.pathname}${url.search}`] : [];
  });
  return [...new Set(paths)].slice(0, MOST_LINKS);
}

/** Runs `work` over all items, a few at a time, in order of the items. */
export async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const worker = async () => {
    for (const [at, item] of rest) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
