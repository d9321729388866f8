import pixelmatch from 'pixelmatch';
import { PNG } from 'pngjs';

/** Share of pixels, in percent, from which on a page counts as changed: below, text is only drawn differently. */
const NOTICED = 0.1;

/**
 * What changed between two pictures of one window, in words; undefined when nothing worth telling did. Advice only:
 * a change is not a defect.
 */
export function changeBetween(before: Buffer, after: Buffer): string | undefined {
  const [old, now] = [PNG.sync.read(before), PNG.sync.read(after)];
  if (old.width !== now.width || old.height !== now.height) return 'another size than before';
  const pixels = pixelmatch(old.data, now.data, undefined, now.width, now.height, { threshold: 0.1 });
  const share = (100 * pixels) / (now.width * now.height);
  return share < NOTICED ? undefined : `${share.toFixed(1)} % of it changed since the last run`;
}
