import type { Browser } from 'playwright-core';
import { advice, emptied, fillWithLongText, lengthened } from './content.ts';
import type { Fault } from './dom/types.ts';
import type { Evidence, Place } from './evidence.ts';
import { walkWithTab } from './keyboard.ts';
import { type Links, linksOf } from './links.ts';
import { accessibility, brokenImages, measure, scrollThrough } from './measure.ts';
import { openWidgets } from './open_widgets.ts';
import type { Size } from './types.ts';
import { load, type OpenWindow, openWindow, settle, unlessGone } from './window.ts';

/** Cumulative layout shift up to which a page feels steady (web.dev/cls), and from which it is poor. */
const SHIFT = { good: 0.1, poor: 0.25 } as const;
const LATE_MS = 900;
const MOST_WIDGETS = 24;
const NOWHERE = { left: 0, top: 0, right: 0, bottom: 0 };

export interface Tour {
  browser: Browser;
  origin: string;
  allow: readonly string[];
  headers: Record<string, string>;
  evidence: Evidence;
  /** Whether the time is up. */
  until: () => boolean;
  note: (what: string) => void;
}

export interface Visit {
  status: number | undefined;
  isPage: boolean;
  links: Links | undefined;
  opened: number;
  led: string[];
}

const none = (status: number | undefined, isPage: boolean): Visit => ({
  status,
  isPage,
  links: undefined,
  opened: 0,
  led: [],
});

/** Looks at one page in one window: at rest, with everything opened, in the dark, and by keyboard. */
export async function visit(tour: Tour, path: string, size: Size): Promise<Visit> {
  const { browser, origin, allow, headers, evidence, until } = tour;
  const window = await openWindow(browser, { origin, size, allow, headers });
  const { page } = window;
  const place: Place = { path, size, scheme: 'light' };
  const url = `${origin}${path}`;
  const add = async (faults: readonly Fault[], more: Partial<Place> = {}) => {
    for (const fault of faults) await evidence.add({ ...place, ...more }, fault, page);
  };
  try {
    const answer = await load(page, url);
    if (!answer?.isPage || answer.status >= 400) return none(answer?.status, answer?.isPage ?? false);
    await page.waitForTimeout(size === 'phone' ? LATE_MS : 0);
    await addShift(tour, window, place);
    await scrollThrough(page);
    await evidence.window(page, place);
    await add(await measure(page));
    if (size === 'desktop') await add(await brokenImages(page));
    if (size !== 'tablet') await add(await accessibility(page));
    const links = await linksOf(page, origin);
    await add(links.dangling);
    await inTheDark(tour, window, place);
    if (size === 'desktop') await add(await walkWithTab(page));
    await load(page, url);
    const { opened, led } = await openWidgets(
      page,
      url,
      { most: MOST_WIDGETS, until },
      async ({ opener, faults }) => {
        const after = `${opener.action} "${opener.name || opener.selector}"`;
        await add(faults, { after });
      },
    );
    if (size === 'phone' && !until()) {
      await load(page, url);
      await add(await fillWithLongText(page), { after: 'fill every text field with a long text' });
    }
    return { ...answer, links, opened, led };
  } finally {
    await addIncidents(tour, window, place, size);
    await window.close();
  }
}

/** The dark scheme: what it does to contrast and to the layout, without loading the page anew. */
async function inTheDark({ evidence }: Tour, { page }: OpenWindow, place: Place): Promise<void> {
  await page.emulateMedia({ colorScheme: 'dark' });
  await settle(page, 0);
  const dark: Place = { ...place, scheme: 'dark' };
  for (const fault of await measure(page)) await evidence.add(dark, fault, page);
  if (place.size === 'desktop') {
    await evidence.window(page, dark);
    for (const fault of await accessibility(page, ['color-contrast'])) await evidence.add(dark, fault, page);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** A second look over a slow line, where what comes late pushes away what is there, and with empty and long data. */
export async function visitUnderStrain(tour: Tour, path: string): Promise<void> {
  const { browser, origin, allow, headers, evidence } = tour;
  const options = { origin, size: 'phone' as const, allow, headers };
  const place: Place = { path, size: 'phone', scheme: 'light' };
  const slow = await openWindow(browser, options);
  try {
    const session = await slow.context.newCDPSession(slow.page);
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 300,
      downloadThroughput: 50_000,
      uploadThroughput: 50_000,
    });
    await load(slow.page, `${origin}${path}`);
    await slow.page.waitForTimeout(LATE_MS);
    await addShift(tour, slow, { ...place, after: 'over a slow line (300 ms, 400 kbit/s)' });
  } finally {
    await addIncidents(tour, slow, { ...place, after: 'over a slow line (300 ms, 400 kbit/s)' }, 'slow');
    await slow.close();
  }
  for (const [how, reshape] of [
    ['with empty lists', emptied],
    ['with long texts', lengthened],
  ] as const) {
    let isReshaped = false;
    const window = await openWindow(browser, {
      ...options,
      reshape: (value) => {
        isReshaped = true;
        return reshape(value);
      },
    });
    try {
      await load(window.page, `${origin}${path}`);
      if (!isReshaped) return;
      const faults = reshape === lengthened ? await measure(window.page) : [];
      for (const fault of faults.map(advice(how)))
        await evidence.add({ ...place, after: how }, fault, window.page);
      const broken = window.incidents.filter(({ what }) => what.startsWith('A script fails'));
      for (const { what } of broken)
        await evidence.add(
          { ...place, after: how },
          { class: 'console-error', severity: 'low', selector: '', what: `${what} (${how})` },
        );
    } finally {
      await window.close();
    }
  }
}

async function addShift({ evidence }: Tour, { page }: OpenWindow, place: Place): Promise<void> {
  const { shift, shifted } = await page
    .evaluate(() => ({ shift: window.millwrightQa.shift, shifted: window.millwrightQa.shifted }))
    .catch(unlessGone({ shift: 0, shifted: [] as string[] }));
  if (shift <= SHIFT.good) return;
  const what = `The page moves by ${shift.toFixed(2)} while it loads (good is up to ${SHIFT.good}): ${[...new Set(shifted)].slice(0, 3).join(', ')}.`;
  const severity = shift > SHIFT.poor ? 'high' : 'medium';
  await evidence.add(
    place,
    { class: 'layout-shift', severity, selector: '', what, box: NOWHERE },
    undefined,
    `${place.size}${place.after ?? ''}`,
  );
}

async function addIncidents(
  { evidence, note }: Tour,
  { incidents, outside }: OpenWindow,
  place: Place,
  visit: string,
): Promise<void> {
  for (const { class: kind, severity, what } of incidents)
    await evidence.add(place, { class: kind, severity, selector: '', what }, undefined, visit);
  for (const host of outside)
    note(`What the pages load from ${host}: only loopback and hosts allowed with --allow are asked.`);
}
