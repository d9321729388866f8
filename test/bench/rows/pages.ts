import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { findBrowser } from '../../../servers/qa/page/find_browser.ts';
import { inspectPages } from '../../../servers/qa/page/inspect.ts';
import { launch } from '../../../servers/qa/page/launch.ts';
import { startStatic } from '../../../servers/qa/product/static.ts';
import { middleRound, ROUNDS, type Row, rounded, type Surroundings } from '../row.ts';

const PAGES = 3;
const MOST_TIMES_BARE = 60;

const pageWith = (at: number) =>
  `<!doctype html><html lang="en"><head><title>Page ${at}</title><meta name="viewport" content="width=device-width"></head><body><main><h1>Page ${at}</h1>
<nav>${Array.from({ length: PAGES }, (_, i) => `<a href="/${i === 0 ? '' : `${i}.html`}">Page ${i}</a> `).join('')}</nav>
<button aria-haspopup="menu" onclick="m.hidden=!m.hidden">Menu</button><div id="m" role="menu" hidden><button role="menuitem">One</button></div>
${'<p>Some text that a page would have, and a little more of it.</p>'.repeat(20)}</main></body></html>`;

/** How many pages a minute are looked at, each in three windows and two schemes, beside just opening them. */
export async function pages({ folder, signal, progress }: Surroundings): Promise<Row> {
  const site = join(folder, 'site');
  await mkdir(site);
  for (let at = 0; at < PAGES; at += 1)
    await writeFile(join(site, at === 0 ? 'index.html' : `${at}.html`), pageWith(at));
  const { origin, stop } = await startStatic(site);
  const browser = await launch(await findBrowser(), [new URL(origin).host]);
  try {
    const rounds = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      signal.throwIfAborted();
      const echo = perMinute(await opened(browser, origin), PAGES);
      const budget = { pages: PAGES, ms: 300_000 };
      const report = await inspectPages({ browser, origin, budget, out: join(folder, `round-${round}`) });
      if (report.pages !== PAGES || report.findings.length > 0)
        throw new Error('the pages of the bench were not looked at as they are');
      rounds.push({ value: perMinute(report.ms, report.pages), echo });
      progress(`pages ${round}/${ROUNDS}: ${rounds.at(-1)?.value.toFixed(1)} a minute`);
    }
    const { value, echo } = middleRound(rounds, (round) => round.value / round.echo);
    return {
      name: 'pages looked at, three windows and two schemes each',
      value: rounded(value),
      unit: 'pages/min',
      echo: rounded(echo),
      ratio: rounded(value / echo),
      bar: `≥ 1/${MOST_TIMES_BARE} of opening them`,
      pass: value * MOST_TIMES_BARE >= echo,
    };
  } finally {
    await browser.close();
    await stop();
  }
}

const perMinute = (ms: number, count: number) => (60_000 * count) / ms;

/** The bare thing: each page opened once in a window of its own. */
async function opened(browser: Browser, origin: string): Promise<number> {
  const since = performance.now();
  for (let at = 0; at < PAGES; at += 1) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${origin}/${at === 0 ? '' : `${at}.html`}`);
    await context.close();
  }
  return performance.now() - since;
}
