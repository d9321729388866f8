import type { Page } from 'playwright-core';
import type { Fault, Opener } from './dom/types.ts';
import { measure } from './measure.ts';
import { animationsEnd } from './rest.ts';
import { load, settle, unlessGone } from './window.ts';

/** What is in the way of a pointer for so long stays there; a busy page is given longer. */
const BUSY_MS = 1_500;
const HELD_MS = 600;
/** What opens, or closes, has begun to do so by then. */
const BEGUN_MS = 150;
const LATE_MS = 400;

export interface Opened {
  opener: Opener;
  faults: Fault[];
}

/**
 * Opens, one after the other, everything in the page that opens something, and hands what each showed, as long as it
 * is open, to `use`. Afterwards the page is as it was: what does not close by Escape or by its opener is closed by
 * loading the page anew. Answers with how many opened something, and where clicks led.
 */
export async function openWidgets(
  page: Page,
  url: string,
  { most, until }: { most: number; until: () => boolean },
  use: (opened: Opened) => Promise<void>,
): Promise<{ opened: number; led: string[] }> {
  const keyOf = (opener: Opener) => `${opener.selector} ${opener.action}`;
  const list = () => page.evaluate(() => window.millwrightQa.openers()).catch(unlessGone<Opener[]>([]));
  const done = new Set<string>();
  const led: string[] = [];
  let opened = 0;
  while (done.size < most && !until()) {
    const opener = (await list()).find((one) => !done.has(keyOf(one)));
    if (!opener) break;
    done.add(keyOf(opener));
    await page.evaluate(() => window.millwrightQa.remember());
    if (!(await act(page, opener, BUSY_MS))) continue;
    if (page.url().split('#')[0] !== url.split('#')[0]) {
      led.push(page.url());
      await load(page, url);
      continue;
    }
    if (!(await appeared(page))) continue;
    opened += 1;
    await use({ opener, faults: await measure(page, true) });
    await close(page, opener, url);
  }
  return { opened, led };
}

async function act(page: Page, { index, action }: Opener, timeout: number): Promise<boolean> {
  const handle = await page
    .evaluateHandle((at) => window.millwrightQa.openerAt(at), index)
    .catch(() => undefined);
  const element = handle?.asElement();
  if (!element) return false;
  try {
    if (action === 'hover') await element.hover({ timeout });
    else await element.click({ timeout, noWaitAfter: true });
  } catch {
    return false;
  } finally {
    await handle?.dispose().catch(() => undefined);
  }
  // What has to be fetched first, or comes a little later, is given a moment.
  await settle(page, LATE_MS);
  return true;
}

/** Whether anything opened. */
const appeared = (page: Page): Promise<boolean> =>
  page
    .evaluate(() => {
      const qa = window.millwrightQa;
      qa.opened = qa.appeared();
      return qa.opened.length > 0;
    })
    .catch(unlessGone(false));

async function close(page: Page, opener: Opener, url: string): Promise<void> {
  await page.mouse.move(0, 0).catch(() => undefined);
  await page.keyboard.press('Escape').catch(() => undefined);
  if (await isClosed(page)) return;
  if (opener.action === 'click') {
    const again = (
      await page.evaluate(() => window.millwrightQa.openers()).catch(unlessGone<Opener[]>([]))
    ).find(({ selector }) => selector === opener.selector);
    if (again && (await act(page, again, HELD_MS)) && (await isClosed(page))) return;
  }
  await load(page, url);
}

/** Whether what was opened is gone, at once or when its animations have ended. */
async function isClosed(page: Page): Promise<boolean> {
  const isGone = (within: number) =>
    page
      .evaluate(async (ms) => {
        const qa = window.millwrightQa;
        const isOver = () => qa.opened.every((root) => !qa.isVisible(root));
        for (const end = performance.now() + ms; !isOver() && performance.now() < end; ) await qa.pause(20);
        if (isOver()) await qa.comesToRest(ms);
        return isOver();
      }, within)
      .catch(unlessGone(false));
  if (await isGone(BEGUN_MS)) return true;
  await animationsEnd(page);
  return isGone(0);
}
