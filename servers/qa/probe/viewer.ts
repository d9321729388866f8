import type { Browser, BrowserContext } from 'playwright-core';
import { type FoundBrowser, launch } from '../page/launch.ts';

const LOAD_MS = 8_000;
const IDLE_MS = 1_200;
const AFTER_MS = 250;
const TOLD = 'millwrightRan';

/** A real browser that opens pages of the product and says what ran in them. It is started when it is first asked. */
export interface Viewer {
  /**
   * Opens an address and answers which of the words were called as functions by a script of the page, or by a click
   * on a link that holds one. Undefined when the page could not be looked at. Only the address's own origin is asked
   * for anything, with `headers`.
   */
  ran(url: string, words: readonly string[], headers: Record<string, string>): Promise<string[] | undefined>;
  close(): Promise<void>;
}

export function openViewer(found: FoundBrowser): Viewer {
  let browser: Promise<Browser> | undefined;
  return {
    async ran(url, words, headers) {
      browser ??= launch(found, [new URL(url).host]);
      const context = await browser
        .then((one) => one.newContext({ serviceWorkers: 'block', acceptDownloads: false }))
        .catch(() => undefined);
      if (!context) return undefined;
      try {
        return await look(context, url, words, headers);
      } catch {
        return undefined;
      } finally {
        await context.close().catch(() => undefined);
      }
    },
    async close() {
      await browser?.then((one) => one.close()).catch(() => undefined);
    },
  };
}

async function look(
  context: BrowserContext,
  url: string,
  words: readonly string[],
  headers: Record<string, string>,
): Promise<string[]> {
  const { origin } = new URL(url);
  const called = new Set<string>();
  context.setDefaultTimeout(IDLE_MS);
  await context.route('**/*', (route) => {
    const request = route.request();
    if (/^(data|blob|about):/.test(request.url())) return route.continue();
    if (new URL(request.url()).origin !== origin) return route.abort();
    return route.continue({ headers: { ...request.headers(), ...headers } });
  });
  await context.exposeFunction(TOLD, (word: string) => void called.add(word));
  await context.addInitScript(
    ({ words, told }) => {
      const all = globalThis as unknown as Record<string, unknown>;
      for (const word of words) all[word] = () => (all[told] as (word: string) => void)(word);
    },
    { words: [...words], told: TOLD },
  );
  const page = await context.newPage();
  page.on('dialog', (dialog) => void dialog.dismiss().catch(() => undefined));
  await page.goto(url, { waitUntil: 'load', timeout: LOAD_MS });
  await page.waitForLoadState('networkidle', { timeout: IDLE_MS }).catch(() => undefined);
  if (called.size === 0) {
    const links = page.locator('a[href^="javascript:"]').filter({ visible: true });
    const count = Math.min(await links.count(), 3);
    for (let index = 0; index < count; index += 1)
      await links
        .nth(index)
        .click({ noWaitAfter: true, timeout: IDLE_MS })
        .catch(() => undefined);
  }
  await page.waitForTimeout(AFTER_MS);
  return [...called];
}
