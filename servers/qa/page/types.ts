import * as z from 'zod';
import { finding } from '../finding.ts';

/** The windows that every page is looked at in, in CSS pixels. */
export const SIZES = {
  phone: { width: 390, height: 844 },
  tablet: { width: 820, height: 1180 },
  desktop: { width: 1440, height: 900 },
} as const;
export type Size = keyof typeof SIZES;
export type Scheme = 'light' | 'dark';

export const pageBudget = z.strictObject({
  pages: z.int().min(1).max(200),
  ms: z.int().min(1_000).max(3_600_000),
});

/** A picture in `out/`: a fault, outlined, or a whole window for the comparison of before and after. */
const picture = z.strictObject({
  file: z.string().regex(/^[\w.-]{1,120}\.png$/),
  path: z.string().max(2_000),
  size: z.enum(['phone', 'tablet', 'desktop']),
  scheme: z.enum(['light', 'dark']),
});
export type Picture = z.infer<typeof picture>;

/** What the page program prints. `complete` is false when the budget ended it early. */
export const pageReport = z.strictObject({
  started: z.boolean(),
  complete: z.boolean(),
  findings: z.array(finding.extend({ picture: z.string().max(120).optional() })).max(500),
  pictures: z.array(picture).max(200),
  pages: z.int(),
  visits: z.int(),
  opened: z.int(),
  notTested: z.array(z.string().max(1_000)).max(200),
  ms: z.int(),
});
export type PageReport = z.infer<typeof pageReport>;
export type PageFinding = PageReport['findings'][number];
