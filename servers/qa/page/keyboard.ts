import type { Page } from 'playwright-core';
import type { Fault, FocusStop } from './dom/types.ts';
import { unlessGone } from './window.ts';

const MOST_STEPS = 120;
const STUCK = 4;

/**
 * Walks through the page with Tab from its top. A focus that no longer moves, or that goes round in a part of the
 * page which is no modal dialog while the rest is never reached, is a trap; what a pointer can use and Tab cannot
 * reach is a fault of its own.
 */
export async function walkWithTab(page: Page): Promise<Fault[]> {
  const unreachable = await page
    .evaluate(() => window.millwrightQa.keyboardUnreachable())
    .catch(unlessGone<Fault[]>([]));
  const tabbable = await page.evaluate(() => window.millwrightQa.tabbable()).catch(unlessGone([]));
  if (tabbable.length < 2) return unreachable;
  await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    window.scrollTo({ top: 0, behavior: 'instant' });
  });
  const stops: (FocusStop | undefined)[] = [];
  const steps = Math.min(MOST_STEPS, tabbable.length * 2 + 6);
  for (let step = 0; step < steps; step += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => window.millwrightQa.focusStop()).catch(unlessGone(undefined));
    stops.push(stop ?? undefined);
    if (stops.length > 1 && stop === undefined) break;
  }
  const trap = trapIn(stops, tabbable);
  if (!trap) return unreachable;
  if (await leavesByEscape(page, trap.stop)) return unreachable;
  return [...unreachable, trap.fault];
}

function trapIn(
  stops: readonly (FocusStop | undefined)[],
  tabbable: readonly { key: number; selector: string }[],
): { stop: FocusStop; fault: Fault } | undefined {
  const last = stops.at(-1);
  // It came to the end of the page, or into a dialog that is meant to keep it.
  if (!last || last.modal || stops.length < Math.min(MOST_STEPS, STUCK + 1)) return undefined;
  const visited = new Set(stops.map((stop) => stop?.key));
  const missed = tabbable.filter(({ key }) => !visited.has(key));
  if (missed.length === 0) return undefined;
  const ring = new Set(stops.slice(-Math.ceil(stops.length / 2)).map((stop) => stop?.key));
  const isStuck = ring.size <= Math.max(1, Math.floor(stops.length / 4));
  if (!isStuck) return undefined;
  const what = `The keyboard's focus cannot leave ${last.selector}: Tab goes round among ${ring.size} of ${tabbable.length} controls and never comes to ${missed[0]?.selector}.`;
  return {
    stop: last,
    fault: {
      class: 'focus-trap',
      severity: 'high',
      selector: last.selector,
      what,
      box: { left: 0, top: 0, right: 0, bottom: 0 },
    },
  };
}

/** Escape is the way out that a person tries; an editor that takes Tab for itself is left by it. */
async function leavesByEscape(page: Page, { key }: FocusStop): Promise<boolean> {
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
  const stop = await page.evaluate(() => window.millwrightQa.focusStop()).catch(unlessGone(undefined));
  if (stop?.key === key) return false;
  const seen = new Set([stop?.key]);
  for (let step = 0; step < STUCK; step += 1) {
    await page.keyboard.press('Tab');
    const next = await page.evaluate(() => window.millwrightQa.focusStop()).catch(unlessGone(undefined));
    if (!next) return true;
    seen.add(next.key);
  }
  return seen.size > STUCK && !seen.has(key);
}
