import type { Browser, BrowserContext, Page } from 'playwright-core';
import { installRules } from './dom/install.ts';
import { type Scheme, SIZES, type Size } from './types.ts';

const ACTION_MS = 2_500;
const LOAD_MS = 15_000;
const IDLE_MS = 2_000;
const ANIMATION_MS = 800;

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
    if (options.reshape && isOwn && /^(fetch|xhr)$/.test(request.resourceType()))
      return reshaped(route, options.reshape);
    return route.continue(isOwn && headers ? { headers: { ...request.headers(), ...headers } } : {});
  });
  const page = await context.newPage();
  context.on('page', (popup) => void (popup !== page && popup.close().catch(() => undefined)));
  await installRules(page);
  const incidents = listen(page, origin);
  return { page, context, incidents, outside, close: () => context.close().catch(() => undefined) };
}

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

/** Waits for the network, unless `idle` is 0, and for animations that end, both bounded. */
export async function settle(page: Page, idle = IDLE_MS): Promise<void> {
  if (idle > 0) await page.waitForLoadState('networkidle', { timeout: idle }).catch(() => undefined);
  await page
    .evaluate((most) => {
      const running = document.getAnimations().filter((animation) => {
        const end = animation.effect?.getComputedTiming().endTime;
        return typeof end === 'number' && Number.isFinite(end) && animation.playState === 'running';
      });
      const ended = Promise.allSettled(running.map(({ finished }) => finished));
      return Promise.race([ended, new Promise((resolve) => setTimeout(resolve, most))]).then(() => undefined);
    }, ANIMATION_MS)
    .catch(() => undefined);
}

/** A page that goes elsewhere while it is looked at shows nothing; a rule of ours that fails is a defect of ours. */
export const unlessGone =
  <T>(instead: T) =>
  (error: Error): T => {
    if (/context was destroyed|been closed|navigat|Cannot find context/i.test(error.message)) return instead;
    throw error;
  };
