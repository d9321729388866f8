import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findBrowser } from '../../../servers/qa/page/find_browser.ts';
import type { PlantedCase } from '../corpus/corpus.ts';
import type { Reported } from './command.ts';

const ORIGIN = 'http://corpus.invalid';
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};
const SIZES: Record<string, { width: number; height: number }> = {
  phone: { width: 390, height: 844 },
  tablet: { width: 820, height: 1180 },
  desktop: { width: 1440, height: 900 },
};
/** `SELECTOR on PATH (SIZE, SCHEME)`, as findings of pages say where they are. */
const WHERE = /^(?<selector>.+) on (?<path>\/\S*) \((?<size>\w+)/;
const WHOLE = ['the page', 'html', 'body'];

/** Compares places of pages in a browser, for only there it is known which element a selector means. */
export interface PagePlaces {
  compare(planted: PlantedCase, where: string, finding: Reported): Promise<'same' | 'whole page' | undefined>;
  close(): Promise<void>;
}

/** Starts a browser when the first two places are compared. */
export function pagePlaces(): PagePlaces {
  let browser: Promise<Browser> | undefined;
  return {
    async compare(planted, where, finding) {
      const found = WHERE.exec(finding.where)?.groups;
      if (!found) return undefined;
      const { selector = '', path = '/', size = '' } = found;
      if (selector === where) return 'same';
      browser ??= started();
      const page = await (await browser).newPage({ viewport: SIZES[size] ?? { width: 1280, height: 800 } });
      try {
        await serve(page, planted.dir);
        await page.goto(`${ORIGIN}${path}`, { timeout: 20_000 });
        if (WHOLE.includes(selector)) return (await exists(page, where)) ? 'whole page' : undefined;
        return (await related(page, where, selector)) || (await relatedLater(page, planted, where, selector))
          ? 'same'
          : undefined;
      } finally {
        await page.close();
      }
    },
    close: async () => (await browser)?.close(),
  };
}

/** An interrupt is for the run, which waits for what it started: the browser's driver would end the process at once. */
async function started(): Promise<Browser> {
  const { executable, libraries } = await findBrowser();
  const env = { ...process.env, ...(libraries && { LD_LIBRARY_PATH: libraries }) };
  const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
  return chromium.launch({ executablePath: executable, chromiumSandbox: false, env, ...signals });
}

/** The folder of the case at an origin that exists nowhere: no port is opened, and nothing else is reached. */
const serve = (page: Page, dir: string) =>
  page.route('**/*', async (route) => {
    const { pathname } = new URL(route.request().url());
    const name = normalize(decodeURIComponent(pathname));
    const body = await readFile(join(dir, name.endsWith('/') ? `${name}index.html` : name)).catch(
      () => undefined,
    );
    if (!body) return route.fulfill({ status: 404, body: 'Not found' });
    return route.fulfill({
      body,
      contentType: TYPES[extname(name) || '.html'] ?? 'application/octet-stream',
    });
  });

/** What is made only when something is opened is looked for after the clicks and the wait of the case. */
async function relatedLater(page: Page, { measure }: PlantedCase, where: string, selector: string) {
  for (const target of measure?.click ?? [])
    await page.click(target, { timeout: 2_000, force: true }).catch(() => undefined);
  await page.waitForTimeout(measure?.wait ?? 0);
  return related(page, where, selector);
}

const exists = (page: Page, selector: string): Promise<boolean> =>
  page
    .locator(selector)
    .count()
    .then(
      (count) => count > 0,
      () => false,
    );

/** Whether an element of one selector is, contains or is inside one of the other. A selector may lead into shadow roots. */
async function related(page: Page, where: string, selector: string): Promise<boolean> {
  const wanted = await page
    .locator(where)
    .elementHandles()
    .catch(() => []);
  const named = await page
    .locator(selector)
    .elementHandles()
    .catch(() => []);
  for (const a of wanted.slice(0, 200))
    for (const b of named.slice(0, 20))
      if (await a.evaluate((one, other) => one === other || one.contains(other) || other.contains(one), b))
        return true;
  return false;
}
