import type { Browser } from 'playwright-core';
import { atOnce } from './at_once.ts';
import { gatherEvidence } from './evidence.ts';
import { brokenLink, type Links } from './links.ts';
import { type PageReport, SIZES, type Size } from './types.ts';
import {
  type Arrival,
  arrive,
  isShown,
  look,
  overSlowLine,
  type Tour,
  type Visit,
  visit,
  withEmptyLists,
  withLongTexts,
} from './visit.ts';

const MOST_LINKS = 100;
const ALIKE = 2;
const AT_ONCE = 3;

export interface InspectOptions {
  browser: Browser;
  /** The product's address: loopback, or a host that was allowed. */
  origin: string;
  /** Where to begin; further pages are found by links. */
  path?: string;
  allow?: readonly string[];
  headers?: Record<string, string>;
  budget: { pages: number; ms: number };
  /** Folder for pictures. */
  out: string;
  /** The origin to print in reproductions. */
  shownOrigin?: string;
  progress?: (line: string) => void;
}

/**
 * Looks at every page of a product that links lead to, in three windows and two colour schemes, with a real browser.
 * Geometry is measured twice before it counts; what a page says or asks for by itself counts when it did so in two
 * windows. Ends with the budget, which `complete` and `notTested` then say.
 */
export async function inspectPages(options: InspectOptions): Promise<PageReport> {
  const { browser, origin, budget, progress = () => undefined } = options;
  const started = performance.now();
  const until = () => performance.now() - started > budget.ms;
  const notTested = new Set<string>();
  const note = (what: string) => void (notTested.size < 100 && notTested.add(what.slice(0, 1_000)));
  const evidence = gatherEvidence(options.shownOrigin ?? origin, origin, options.out);
  const headers = options.headers ?? {};
  const tour: Tour = { browser, origin, allow: options.allow ?? [], headers, evidence, until, note };
  const queue = [options.path ?? '/'];
  const known = new Set(queue);
  const shapes = new Map<string, number>();
  const links = new Map<string, { on: string; link: Links['own'][number] }>();
  const count = { pages: 0, visits: 0, opened: 0 };

  const take = (url: string) => {
    const { origin: of, pathname, search } = new URL(url);
    const path = `${pathname}${search}`;
    if (of !== origin || known.has(path)) return;
    known.add(path);
    const shape = pathname.replace(/[0-9a-f]{8,}|\d+/gi, 'N') + search.replace(/=[^&]*/g, '=');
    const alike = (shapes.get(shape) ?? 0) + 1;
    shapes.set(shape, alike);
    if (
      alike <= ALIKE &&
      !/\.(pdf|zip|png|jpe?g|gif|svg|webp|json|xml|txt|csv|ico|css|js|mp4)$/i.test(pathname)
    )
      queue.push(path);
  };

  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    if (until() || count.pages >= budget.pages) {
      note(
        `${queue.length + 1} further pages, from ${path} on: the budget of ${budget.pages} pages and ${budget.ms} ms ended it.`,
      );
      break;
    }
    progress(`page ${count.pages + 1}: ${path}`);
    const first = await arrive(tour, path, 'phone');
    count.visits += 1;
    if (!isShown(first)) {
      if (count.pages === 0 && queue.length === 0 && !first.isPage)
        note(`${path} is no page: it answers ${first.status ?? 'nothing'}.`);
      continue;
    }
    count.pages += 1;
    const seenIn = await looks(tour, path, first);
    count.visits += seenIn.length - 1;
    for (const seen of seenIn) {
      count.opened += seen.opened;
      for (const link of seen.links.own) {
        if (!links.has(link.url)) links.set(link.url, { on: path, link });
        take(link.url);
      }
      for (const url of seen.led) take(url);
      if (seen.links.outside) note('Links that lead to other hosts: they are not followed.');
      for (const left of seen.links.left) note(`${left}: a link of that name is left to a person.`);
    }
  }
  await checkLinks(tour, links, note);
  return {
    started: true,
    complete: !until(),
    findings: evidence.findings(note),
    pictures: evidence.pictures(),
    ...count,
    notTested: [...notTested],
    ms: Math.round(performance.now() - started),
  };
}

/** All looks at one page, side by side, the slow line among them; what was seen in each size, in their order. */
async function looks(tour: Tour, path: string, first: Arrival): Promise<Visit[]> {
  const seen = new Map<Size, Visit>();
  const at = (size: Size, visited: () => Promise<Visit | undefined>) => async () => {
    const one = await visited();
    if (one) seen.set(size, one);
  };
  const strains = [overSlowLine, ...(first.window.hasData() ? [withEmptyLists, withLongTexts] : [])];
  const [phone, ...others] = [
    at('phone', () => look(tour, first)),
    at('desktop', () => visit(tour, path, 'desktop')),
    at('tablet', () => visit(tour, path, 'tablet')),
    ...strains.map((strain) => () => strain(tour, path)),
  ];
  const unlessOver = (one: () => Promise<void>) => async () => (tour.until() ? undefined : one());
  await atOnce(AT_ONCE, [phone, ...others.map(unlessOver)]);
  return (Object.keys(SIZES) as Size[]).flatMap((size) => seen.get(size) ?? []);
}

async function checkLinks(
  { browser, evidence, headers, until }: Tour,
  links: ReadonlyMap<string, { on: string; link: Links['own'][number] }>,
  note: (what: string) => void,
): Promise<void> {
  if (links.size > MOST_LINKS) note(`${links.size - MOST_LINKS} of ${links.size} links were not followed.`);
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  try {
    for (const [url, { on, link }] of [...links].slice(0, MOST_LINKS)) {
      if (until()) return note('Some links were not followed: the time was up.');
      const fault = await brokenLink(context, url, headers);
      // A second time, so that a hiccup is no defect.
      if (!fault || !(await brokenLink(context, url, headers))) continue;
      const place = { path: on, size: 'phone' as const, scheme: 'light' as const };
      await evidence.add(place, { class: 'broken-link', ...fault, selector: link.selector, box: link.box });
    }
  } finally {
    await context.close();
  }
}
