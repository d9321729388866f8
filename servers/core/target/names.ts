import { ToolError } from '../errors.ts';
import type { Share } from './target.ts';

/** Where products may run; each is a folder beside this file. */
export const TARGETS = ['local', 'cloudflare', 'vercel'] as const;

/** Names that every target takes: DNS labels in lower case. */
export const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const VERSION = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

/** Returns `name` if it can name a product or resource at every target: a DNS label. Throws INVALID_INPUT. */
export function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw new ToolError(
    'INVALID_INPUT',
    `${JSON.stringify(name.slice(0, 80))} can't name a product or resource.`,
    'Use 1 to 63 lower-case letters, digits and inner hyphens.',
  );
}

/** Returns `version` if it can name a version: at most 64 plain characters. Throws INVALID_INPUT. */
export function checkVersion(version: string): string {
  if (VERSION.test(version)) return version;
  throw new ToolError(
    'INVALID_INPUT',
    `${JSON.stringify(version.slice(0, 80))} can't name a version.`,
    'Use 1 to 64 letters, digits and inner dots, hyphens or underscores.',
  );
}

/** Returns the shares of a split if they can be right: one or two versions that make 100. Throws INVALID_INPUT. */
export function checkShares(shares: readonly Share[]): readonly [Share, ...Share[]] {
  const [first, second, ...more] = shares;
  const whole = shares.every(({ percent }) => Number.isInteger(percent) && percent >= 1);
  const sum = shares.reduce((total, { percent }) => total + percent, 0);
  if (first && more.length === 0 && whole && sum === 100 && first.version !== second?.version) {
    for (const { version } of shares) checkVersion(version);
    return [first, ...(second ? [second] : [])];
  }
  throw new ToolError(
    'INVALID_INPUT',
    'That is no split of the traffic.',
    'Give one or two versions whole percents that make 100 together.',
  );
}
