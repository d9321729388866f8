import type { Browser, BrowserContext, Page, Request } from 'playwright-core';
import { installRules } from './dom/install.ts';
import { animationsEnd, comeToRest, countRequests } from './rest.ts';
import { type Scheme, SIZES, type Size } from './types.ts';

const ACTION_MS = 2_500;
const LOAD_MS = 15_000;

/** Something that happened in a page without being asked for. */
export interface Incident {
  class: 'console-error' | 'failed-request';
  severity: 'high' | 'medium' | 'low';
  what: string;
}

export interface OpenWindow {
  page: Page;
  context: BrowserContext;
  incidents: Incident[];
  /** Hosts that the page asked for and was not given. */
  outside: Set<string>;
  /** Whether the page has fetched data as JSON, which `reshape` could change. */
  hasData(): boolean;
  close(): Promise<void>;
}

export interface WindowOptions {
  origin: string;
  size: Size;
  scheme?: Scheme;
  /** Hosts besides the product's own that may be asked, as `host` or `host:port`. */
  allow: readonly string[];
  /** Sent to the product only. */
  headers?: Record<string, string>;
  /** Changes what the product answers, for the pages with empty or long data. */
  reshape?: (value: unknown) => unknown;
}

/**
 * A window of its own with an own, empty profile. Only the product's origin and the hosts allowed are asked for
 * anything; dialogs are dismissed, popups closed, downloads refused, service workers left out.
 */
export async function openWindow(browser: Browser, options: WindowOptions): Promise<OpenWindow> {
  const { origin, size, scheme = 'light', headers } = options;
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme: scheme,
    hasTouch: size !== 'desktop',
    acceptDownloads: false,
    serviceWorkers: 'block',
    ignoreHTTPSErrors: true,
    reducedMotion: 'no-preference',
  });
  context.setDefaultTimeout(ACTION_MS);
  context.setDefaultNavigationTimeout(LOAD_MS);
  const outside = new Set<string>();
  await context.route('**/*', async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    if (/^(data|blob|about):/.test(url.protocol)) return route.continue();
    const isOwn = url.origin === origin;
    if (!isOwn && !isAllowed(url, options.allow)) {
      outside.add(url.host);
      return route.abort('blockedbyclient');
    }
    if (options.reshape && isOwn && isFetched(request)) return reshaped(route, options.reshape);
    return route.continue(isOwn && headers ? { headers: { ...request.headers(), ...headers } } : {});
  });
  const page = await context.newPage();
  context.on('page', (popup) => void (popup !== page && popup.close().catch(() => undefined)));
  countRequests(page);
  await installRules(page);
  const incidents = listen(page, origin);
  let hasData = false;
  page.on('response', (response) => {
    hasData ||=
      response.url().startsWith(origin) &&
      isFetched(response.request()) &&
      (response.headers()['content-type']?.includes('json') ?? false);
  });
  const close = () => context.close().catch(() => undefined);
  return { page, context, incidents, outside, hasData: () => hasData, close };
}

const isFetched = (request: Request): boolean => /^(fetch|xhr)$/.test(request.resourceType());

export const isAllowed = ({ hostname, host }: URL, allow: readonly string[]): boolean =>
  allow.includes(host) || allow.includes(hostname);

async function reshaped(
  route: Parameters<Parameters<BrowserContext['route']>[1]>[0],
  reshape: (value: unknown) => unknown,
): Promise<void> {
  try {
    const response = await route.fetch({ maxRedirects: 0, timeout: ACTION_MS });
    const json = response.headers()['content-type']?.includes('json') ? await response.json() : undefined;
    if (json === undefined) return await route.fulfill({ response });
    await route.fulfill({ response, json: reshape(json) });
  } catch {
    await route.abort().catch(() => undefined);
  }
}

const SOURCES_OF_PAGE = new Set(['script', 'stylesheet', 'font', 'fetch', 'xhr', 'media', 'manifest']);

function listen(page: Page, origin: string): Incident[] {
  const incidents: Incident[] = [];
  const add = (incident: Incident) => {
    if (incidents.length < 100) incidents.push(incident);
  };
  const pathOf = (url: string) =>
    (url.startsWith(origin) ? url.slice(origin.length) || '/' : url).slice(0, 300);
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    const text = message.text().slice(0, 400);
    // The browser's own words about a request; the request itself is looked at below.
    if (/^Failed to load resource|net::ERR_|ERR_BLOCKED_BY_CLIENT/.test(text)) return;
    add({ class: 'console-error', severity: 'medium', what: `The console says: ${text}` });
  });
  page.on('pageerror', (error) =>
    add({ class: 'console-error', severity: 'high', what: `A script fails: ${error.message.slice(0, 400)}` }),
  );
  page.on('response', (response) => {
    const status = response.status();
    const request = response.request();
    const type = request.resourceType();
    if (status < 400 || !SOURCES_OF_PAGE.has(type) || !response.url().startsWith(origin)) return;
    if (/\/favicon\.ico$|\.map$/.test(new URL(response.url()).pathname)) return;
    // Asking who is logged in, and being told nobody, is how many pages begin.
    const isAsking = /^(fetch|xhr)$/.test(type) && (status === 401 || status === 403);
    const severity = isAsking ? 'low' : status >= 500 || /script|stylesheet/.test(type) ? 'high' : 'medium';
    add({
      class: 'failed-request',
      severity,
      what: `${request.method()} ${pathOf(response.url())} (${type}) answers ${status}.`,
    });
  });
  page.on('requestfailed', (request) => {
    const failure = request.failure()?.errorText ?? '';
    if (!request.url().startsWith(origin) || !SOURCES_OF_PAGE.has(request.resourceType())) return;
    if (/ERR_ABORTED|BLOCKED_BY_CLIENT/.test(failure)) return;
    add({
      class: 'failed-request',
      severity: 'high',
      what: `${request.method()} ${pathOf(request.url())} (${request.resourceType()}) fails: ${failure}.`,
    });
  });
  page.on('dialog', (dialog) => void dialog.dismiss().catch(() => undefined));
  return incidents;
}

/** Opens an address and waits until the page has come to rest. The answer's status, or undefined when none came. */
export async function load(
  page: Page,
  url: string,
): Promise<{ status: number; isPage: boolean } | undefined> {
  const response = await page.goto(url, { waitUntil: 'load' }).catch(() => undefined);
  if (!response) return undefined;
  const isPage = /html/.test(response.headers()['content-type'] ?? '') || url.startsWith('data:');
  await settle(page);
  return { status: response.status(), isPage };
}

/** Waits until the page has come to rest and its animations have ended; each is bounded. */
export async function settle(page: Page, most?: number): Promise<void> {
  await comeToRest(page, most);
  await animationsEnd(page);
}

/** A page that goes elsewhere while it is looked at shows nothing; a rule of ours that fails is a defect of ours. */
export const unlessGone =
  <T>(instead: T) =>
  (error: Error): T => {
    if (/context was destroyed|been closed|navigat|Cannot find context/i.test(error.message)) return instead;
    throw error;
  };
