import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Finding } from '../finding.ts';
import type { Box, Fault } from './dom/types.ts';
import { type PageFinding, type Picture, type Scheme, SIZES, type Size } from './types.ts';

const MOST_PICTURES = 40;
const MOST_OF_A_CLASS = 12;
/** Measured twice already, in one page as it stood. */
const MEASURED = new Set([
  ...['clipped', 'unreachable', 'cut-text', 'overlap', 'off-screen', 'horizontal-scroll', 'broken-image'],
  ...['accessibility', 'focus-trap', 'keyboard-unreachable', 'broken-link'],
]);

/** In which window something was seen, and what was done before. */
export interface Place {
  path: string;
  size: Size;
  scheme: Scheme;
  /** "after a click on ...", if anything was done. */
  after?: string;
  /** Over a slow line, or with other data than the product's own. */
  isStrained?: boolean;
}

/** The windows are looked at side by side; what several show is told of the first of them in this order. */
const turnOf = ({ size, isStrained }: Pick<Place, 'size' | 'isStrained'>): number =>
  (isStrained ? 10 : 0) + Object.keys(SIZES).indexOf(size);

type Seen = Omit<Finding, 'where' | 'reproduce' | 'confirmed'> & {
  place: Place;
  selector: string;
  sizes: Set<string>;
  visits: Set<string>;
  picture?: string;
};

/**
 * Gathers what the visits find; the same defect in another window is the same finding. `origin` is printed where the
 * product was `served`; pictures go into `out`.
 */
export function gatherEvidence(origin: string, served: string, out: string) {
  const seen = new Map<string, Seen>();
  const pictures: Picture[] = [];
  let shots = 0;

  const write = async (page: Page, name: string, clip: Box): Promise<string | undefined> => {
    if (shots >= MOST_PICTURES) return undefined;
    shots += 1;
    const file = `${name}-${createHash('sha256').update(`${name} ${shots}`).digest('hex').slice(0, 6)}.png`;
    await mkdir(out, { recursive: true });
    const { left: x, top: y, right, bottom } = clip;
    const part = { x, y, width: right - x, height: bottom - y };
    const bytes = await page.screenshot({
      timeout: 5_000,
      animations: 'disabled',
      caret: 'hide',
      clip: part,
    });
    await writeFile(join(out, file), bytes);
    return file;
  };

  return {
    /** Hands in a fault; the first time, with a picture in which `box` is outlined. */
    async add(
      place: Place,
      fault: Omit<Fault, 'box'> & { box?: Box },
      page?: Page,
      visit: string = place.size,
    ): Promise<void> {
      const what = fault.what
        .replaceAll(served, '')
        .replace(/[\x00-\x1f\x7f]+/g, ' ')
        .slice(0, 1_500);
      const key = [fault.class, place.path, fault.selector, fault.box ? '' : what].join('\n');
      const known = seen.get(key);
      const window = `${place.size}, ${place.scheme}`;
      if (known) {
        known.sizes.add(window);
        known.visits.add(visit);
        if (turnOf(known.place) <= turnOf(place)) return;
      }
      const entry: Seen = {
        class: fault.class,
        severity: fault.severity,
        what,
        place,
        selector: fault.selector,
        sizes: known?.sizes ?? new Set([window]),
        visits: known?.visits ?? new Set([visit]),
        ...(known?.picture && { picture: known.picture }),
      };
      seen.set(key, entry);
      const { box } = fault;
      if (!page || !box) return;
      const file = await outlined(page, box, (clip) =>
        write(page, `${fault.class}-${place.size}`, clip),
      ).catch(() => undefined);
      if (file) entry.picture = file;
    },
    /** A picture of the window as it is, for the comparison of before and after. */
    async window(page: Page, place: Place): Promise<void> {
      const name = `page-${slug(place.path)}-${place.size}-${place.scheme}`;
      await mkdir(out, { recursive: true });
      const bytes = await page
        .screenshot({ timeout: 5_000, animations: 'disabled', caret: 'hide' })
        .catch(() => undefined);
      if (!bytes || pictures.length >= 80) return;
      await writeFile(join(out, `${name}.png`), bytes);
      pictures.push({ file: `${name}.png`, path: place.path, size: place.size, scheme: place.scheme });
    },
    findings(note: (what: string) => void): PageFinding[] {
      const counts = new Map<string, number>();
      const paths = [...new Set([...seen.values()].map(({ place }) => place.path))];
      const turns = ({ place }: Seen) => paths.indexOf(place.path) * 100 + turnOf(place);
      const entries = [...seen.values()].sort((a, b) => turns(a) - turns(b));
      return entries.flatMap((entry) => {
        const count = (counts.get(entry.class) ?? 0) + 1;
        counts.set(entry.class, count);
        if (count === MOST_OF_A_CLASS + 1)
          note(`More than ${MOST_OF_A_CLASS} findings of ${entry.class}: the rest is not listed.`);
        return count > MOST_OF_A_CLASS ? [] : [findingOf(origin, entry)];
      });
    },
    pictures(): Picture[] {
      const paths = [...new Set(pictures.map(({ path }) => path))];
      const turns = (picture: Picture) => paths.indexOf(picture.path) * 100 + turnOf(picture);
      return pictures.toSorted((a, b) => turns(a) - turns(b));
    },
  };
}
export type Evidence = ReturnType<typeof gatherEvidence>;

function findingOf(origin: string, { place, sizes, visits, picture, selector, ...seen }: Seen): PageFinding {
  const { width, height } = SIZES[place.size];
  const others = [...sizes].filter((window) => window !== `${place.size}, ${place.scheme}`).sort();
  const open = `Open ${origin}${place.path} in a window of ${width}×${height} (${place.scheme})`;
  return {
    class: seen.class,
    severity: seen.severity,
    where: `${selector || 'the page'} on ${place.path} (${place.size}, ${place.scheme})`.slice(0, 2_500),
    what: `${seen.what}${others.length > 0 ? ` Also: ${others.join('; ')}.` : ''}`,
    reproduce: `${open}${place.after ? `, ${place.after}` : ''}${selector ? `, and look at ${selector}` : ''}.\ncurl -i '${origin}${place.path.replaceAll("'", '%27')}'`,
    confirmed: MEASURED.has(seen.class) || visits.size > 1,
    ...(picture && { picture }),
  };
}

const slug = (path: string): string =>
  `${
    path
      .replace(/[^a-z0-9]+/gi, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 40) || 'index'
  }`;

/** Draws a frame around a box of the document, has the part of the window around it pictured, and takes it away. */
async function outlined<T>(page: Page, box: Box, shoot: (around: Box) => Promise<T>): Promise<T> {
  const around = await page.evaluate(({ left, top, right, bottom }) => {
    const inView = top >= scrollY && bottom <= scrollY + innerHeight;
    if (!inView) window.scrollTo({ left: 0, top: Math.max(0, top - innerHeight / 3), behavior: 'instant' });
    const frame = document.createElement('div');
    frame.id = 'millwright-outline';
    frame.setAttribute('popover', 'manual');
    const x = Math.max(0, left - scrollX - 4);
    const y = Math.max(0, top - scrollY - 4);
    const w = Math.min(innerWidth - x - 2, right - scrollX - x + 4);
    const h = Math.min(innerHeight - y - 2, bottom - scrollY - y + 4);
    frame.style.cssText = `all:initial;position:fixed;inset:auto;left:${x}px;top:${y}px;width:${Math.max(8, w)}px;height:${Math.max(8, h)}px;border:3px solid #e11d48;outline:2px solid #fff;box-sizing:border-box;background:transparent;pointer-events:none;z-index:2147483647;display:block`;
    document.documentElement.append(frame);
    frame.showPopover?.();
    // Enough around it to see where it is, no more than the window.
    const width = Math.min(innerWidth, Math.max(520, w + 240));
    const height = Math.min(innerHeight, Math.max(360, h + 200));
    const from = (at: number, size: number, part: number, whole: number) =>
      Math.round(Math.max(0, Math.min(at + size / 2 - part / 2, whole - part)));
    const cornerX = from(x, w, width, innerWidth);
    const cornerY = from(y, h, height, innerHeight);
    return { left: cornerX, top: cornerY, right: cornerX + width, bottom: cornerY + height };
  }, box);
  try {
    return await shoot(around);
  } finally {
    await page.evaluate(() => document.getElementById('millwright-outline')?.remove()).catch(() => undefined);
  }
}
