import type { BrowserContext, Page } from 'playwright-core';
import type { Fault } from './dom/types.ts';
import { unlessGone } from './window.ts';

const ANSWER_MS = 10_000;
const REDIRECTS = 4;
/** A GET that ends a session or destroys something is left to a person. */
const LEAVE = /log-?_?out|sign-?_?out|delete|remove|unsubscribe/i;

export interface Link {
  url: string;
  selector: string;
  box: Fault['box'];
}

export interface Links {
  /** Addresses of the same origin, without fragment. */
  own: Link[];
  /** Fragments of this page that name nothing. */
  dangling: Fault[];
  outside: number;
  left: string[];
}

/** Where the links of a page lead. */
export async function linksOf(page: Page, origin: string): Promise<Links> {
  const found = await page
    .evaluate(() => {
      const qa = window.millwrightQa;
      return [...document.querySelectorAll('a[href],area[href]')].slice(0, 500).map((element) => {
        const { left, top, right, bottom } = element.getBoundingClientRect();
        const box = {
          left: left + scrollX,
          top: top + scrollY,
          right: right + scrollX,
          bottom: bottom + scrollY,
        };
        const raw = element.getAttribute('href') ?? '';
        const hash = raw.startsWith('#') ? raw.slice(1) : '';
        const name = /%(?![0-9a-f]{2})/i.test(hash) ? hash : decodeURI(hash);
        const isFragment = raw.startsWith('#') && /^[^/!?]+$/.test(name) && name !== 'top';
        const names =
          isFragment && !document.getElementById(name) && document.getElementsByName(name).length === 0;
        const isUsed =
          qa.isClickable(element) ||
          element.matches('[role=button],[data-toggle],[data-bs-toggle],[onclick]');
        return {
          raw,
          url: (element as HTMLAnchorElement).href,
          selector: qa.selectorOf(element),
          box,
          dangles: names && !isUsed,
        };
      });
    })
    .catch(unlessGone([]));
  const links: Links = { own: [], dangling: [], outside: 0, left: [] };
  for (const { raw, url, selector, box, dangles } of found) {
    if (dangles) {
      const what = `The link to "${raw}" leads to no place of this page.`;
      links.dangling.push({ class: 'broken-link', severity: 'low', selector, what, box });
    }
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (raw.startsWith('#') || !parsed || !/^https?:$/.test(parsed.protocol)) continue;
    if (parsed.origin !== origin) links.outside += 1;
    else if (LEAVE.test(parsed.pathname)) links.left.push(parsed.pathname);
    else links.own.push({ url: `${parsed.origin}${parsed.pathname}${parsed.search}`, selector, box });
  }
  return links;
}

/** Asks once for an address; the sentence that says what is wrong with it, or undefined. */
export async function brokenLink(
  context: BrowserContext,
  url: string,
  headers: Record<string, string>,
): Promise<{ what: string; severity: 'high' | 'medium' } | undefined> {
  const { origin } = new URL(url);
  const path = url.slice(origin.length);
  try {
    const status = await statusOf(context, url, headers, REDIRECTS);
    if (status < 400 || [401, 403, 405, 429].includes(status)) return undefined;
    return { what: `The link to ${path} leads to an answer ${status}.`, severity: 'high' };
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
    return { what: `The link to ${path} leads nowhere: ${why.slice(0, 200)}`, severity: 'high' };
  }
}

/** Follows redirects within the origin only; one that leads elsewhere is not followed, and no fault. */
async function statusOf(
  context: BrowserContext,
  url: string,
  headers: Record<string, string>,
  left: number,
): Promise<number> {
  const answer = await context.request.get(url, { maxRedirects: 0, timeout: ANSWER_MS, headers });
  const status = answer.status();
  const { location } = answer.headers();
  await answer.dispose();
  if (status < 300 || status >= 400 || !location) return status;
  if (left === 0) throw new Error('it redirects round and round');
  const next = new URL(location, url);
  return next.origin === new URL(url).origin ? statusOf(context, next.href, headers, left - 1) : status;
}
