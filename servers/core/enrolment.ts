import { readFile, stat } from 'node:fs/promises';
import * as z from 'zod';

const common = { factory: z.string(), agent: z.string(), token: z.string().startsWith('mw_') };
/** Of the same user as the factory. */
const homeSchema = z.strictObject({ ...common, home: z.string() });
/** Of somebody who cannot see the home; `ca` is the PEM of the authority behind the daemon's certificate. */
const urlSchema = z.strictObject({ ...common, url: z.url(), ca: z.string().optional() });
const enrolmentSchema = z.union([homeSchema, urlSchema]);

export type HomeEnrolment = z.output<typeof homeSchema>;
export type UrlEnrolment = z.output<typeof urlSchema>;

/**
 * Reads an enrolment file, which a host's configuration names by path. Throws when it is missing, can be read
 * by others, or is no enrolment; each with the way out.
 */
export async function readEnrolment(path: string): Promise<HomeEnrolment | UrlEnrolment> {
  const remedy = 'Run `millwright enrol AGENT` and name the file it prints in the host configuration.';
  const info = await stat(path).catch(() => undefined);
  if (!info) throw new Error(`There is no enrolment at ${path}. ${remedy}`);
  if ((info.mode & 0o077) !== 0)
    throw new Error(`Others can read the enrolment at ${path}. Run \`chmod 600\` on it.`);
  const parsed = enrolmentSchema.safeParse(await readJson(path));
  const isRight = parsed.success && (!('url' in parsed.data) || isDaemonUrl(parsed.data.url));
  if (!isRight) throw new Error(`${path} is no enrolment. ${remedy}`);
  return parsed.data;
}

/** Whether tokens may be sent there: over HTTPS, or over plain HTTP on this machine; and nothing but an origin. */
export function isDaemonUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.username || url.password || url.pathname !== '/' || url.search || url.hash) return false;
  if (url.protocol === 'https:') return true;
  return url.protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
