import type { Browser, Page } from 'playwright-core';
import { advice, emptied, fillWithLongText, lengthened } from './content.ts';
import type { Fault } from './dom/types.ts';
import type { Evidence, Place } from './evidence.ts';
import { walkWithTab } from './keyboard.ts';
import { type Links, linksOf } from './links.ts';
import { accessibility, brokenImages, measure, scrollThrough } from './measure.ts';
import { openWidgets } from './open_widgets.ts';
import { animationsEnd } from './rest.ts';
import type { Size } from './types.ts';
import { load, type OpenWindow, openWindow, unlessGone } from './window.ts';

/** Cumulative layout shift up to which a page feels steady (web.dev/cls), and from which it is poor. */
const SHIFT = { good: 0.1, poor: 0.25 } as const;
/** How long a page that came to rest is watched for what moves it all the same. */
const LATE_MS = 1_250;
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
  links: Links;
  opened: number;
  led: string[];
}

/** A window in which a page was just opened and came to rest. */
export interface Arrival {
  window: OpenWindow;
  place: Place;
  status: number | undefined;
  isPage: boolean;
}

export const isShown = ({ status, isPage }: Pick<Arrival, 'status' | 'isPage'>): boolean =>
  isPage && status !== undefined && status < 400;

/** Opens a page in a window of its own; where it shows none, the window is closed again. */
export async function arrive(tour: Tour, path: string, size: Size): Promise<Arrival> {
  const { browser, origin, allow, headers } = tour;
  const window = await openWindow(browser, { origin, size, allow, headers });
  const answer = await load(window.page, `${origin}${path}`);
  const place: Place = { path, size, scheme: 'light' };
  const arrival = { window, place, status: answer?.status, isPage: answer?.isPage ?? false };
  if (!isShown(arrival)) await leave(tour, arrival);
  return arrival;
}

async function leave(tour: Tour, { window, place }: Arrival): Promise<void> {
  await addIncidents(tour, window, place, place.size);
  await window.close();
}

/** Looks at one page in one window; undefined where that shows no page. */
export async function visit(tour: Tour, path: string, size: Size): Promise<Visit | undefined> {
  const arrival = await arrive(tour, path, size);
  return isShown(arrival) ? look(tour, arrival) : undefined;
}

/** Looks at a page that was opened: at rest, with everything opened, in the dark, and by keyboard. Closes the window. */
export async function look(tour: Tour, arrival: Arrival): Promise<Visit> {
  const { origin, evidence, until } = tour;
  const { window, place } = arrival;
  const { page } = window;
  const { size, path } = place;
  const url = `${origin}${path}`;
  const add = async (faults: readonly Fault[], more: Partial<Place> = {}) => {
    for (const fault of faults) await evidence.add({ ...place, ...more }, fault, page);
  };
  try {
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
    return { links, opened, led };
  } finally {
    await leave(tour, arrival);
  }
}

/** The dark scheme: what it does to contrast and to the layout, without loading the page anew. */
async function inTheDark({ evidence }: Tour, { page }: OpenWindow, place: Place): Promise<void> {
  await page.emulateMedia({ colorScheme: 'dark' });
  await animationsEnd(page);
  const dark: Place = { ...place, scheme: 'dark' };
  for (const fault of await measure(page)) await evidence.add(dark, fault, page);
  if (place.size === 'desktop') {
    await evidence.window(page, dark);
    for (const fault of await accessibility(page, ['color-contrast'])) await evidence.add(dark, fault, page);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** A look over a slow line, where what comes late pushes away what is there. */
export async function overSlowLine(tour: Tour, path: string): Promise<void> {
  const { window, place } = await strained(tour, path, 'over a slow line (300 ms, 400 kbit/s)');
  try {
    const session = await window.context.newCDPSession(window.page);
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 300,
      downloadThroughput: 50_000,
      uploadThroughput: 50_000,
    });
    await load(window.page, `${tour.origin}${path}`);
    await window.page.waitForTimeout(LATE_MS);
    await addShift(tour, window, place);
  } finally {
    await addIncidents(tour, window, place, 'slow');
    await window.close();
  }
}

/** A look at a page whose data has only empty lists. */
export const withEmptyLists = (tour: Tour, path: string): Promise<void> =>
  withOtherData(tour, path, 'with empty lists', emptied, async () => []);

/** A look at a page whose data has long texts. */
export const withLongTexts = (tour: Tour, path: string): Promise<void> =>
  withOtherData(tour, path, 'with long texts', lengthened, measure);

async function withOtherData(
  tour: Tour,
  path: string,
  how: string,
  reshape: (value: unknown) => unknown,
  faultsOf: (page: Page) => Promise<Fault[]>,
): Promise<void> {
  const { window, place } = await strained(tour, path, how, reshape);
  try {
    await load(window.page, `${tour.origin}${path}`);
    for (const fault of (await faultsOf(window.page)).map(advice(how)))
      await tour.evidence.add(place, fault, window.page);
    const broken = window.incidents.filter(({ what }) => what.startsWith('A script fails'));
    for (const { what } of broken)
      await tour.evidence.add(place, {
        class: 'console-error',
        severity: 'low',
        selector: '',
        what: `${what} (${how})`,
      });
  } finally {
    await window.close();
  }
}

async function strained(
  { browser, origin, allow, headers }: Tour,
  path: string,
  after: string,
  reshape?: (value: unknown) => unknown,
): Promise<{ window: OpenWindow; place: Place }> {
  const size = 'phone';
  const window = await openWindow(browser, { origin, size, allow, headers, ...(reshape && { reshape }) });
  return { window, place: { path, size, scheme: 'light', after, isStrained: true } };
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
