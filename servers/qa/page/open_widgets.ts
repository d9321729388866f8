import type { Page } from 'playwright-core';
import type { Fault, Opener } from './dom/types.ts';
import { measure } from './measure.ts';
import { load, settle, unlessGone } from './window.ts';

const AFTER_MS = 150;
const HELD_MS = 600;
const LATE_MS = 250;

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
    if (!(await act(page, opener))) continue;
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

async function act(page: Page, { index, action }: Opener): Promise<boolean> {
  const handle = await page
    .evaluateHandle((at) => window.millwrightQa.openerAt(at), index)
    .catch(() => undefined);
  const element = handle?.asElement();
  if (!element) return false;
  try {
    if (action === 'hover') await element.hover({ timeout: HELD_MS });
    else await element.click({ timeout: HELD_MS, noWaitAfter: true });
  } catch {
    return false;
  } finally {
    await handle?.dispose().catch(() => undefined);
  }
  await page.waitForTimeout(AFTER_MS);
  await settle(page, 0);
  return true;
}

/** Whether anything opened; what has to be fetched first is given a moment. */
async function appeared(page: Page): Promise<boolean> {
  const look = () =>
    page
      .evaluate(() => {
        const qa = window.millwrightQa;
        qa.opened = qa.appeared();
        return qa.opened.length > 0;
      })
      .catch(unlessGone(false));
  if (await look()) return true;
  await page.waitForTimeout(LATE_MS);
  return look();
}

async function close(page: Page, opener: Opener, url: string): Promise<void> {
  const isClosed = async () => {
    await page.waitForTimeout(AFTER_MS);
    await settle(page, 0);
    return page
      .evaluate(() => window.millwrightQa.opened.every((root) => !window.millwrightQa.isVisible(root)))
      .catch(unlessGone(false));
  };
  await page.mouse.move(0, 0).catch(() => undefined);
  await page.keyboard.press('Escape').catch(() => undefined);
  if (await isClosed()) return;
  if (opener.action === 'click') {
    const again = (
      await page.evaluate(() => window.millwrightQa.openers()).catch(unlessGone<Opener[]>([]))
    ).find(({ selector }) => selector === opener.selector);
    if (again && (await act(page, again)) && (await isClosed())) return;
  }
  await load(page, url);
}
