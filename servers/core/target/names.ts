import { ToolError } from '../errors.ts';

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
