import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, relative } from 'node:path';
import type { Layer, Sandbox } from '../../core/sandbox/sandbox.ts';
import type { FoundBrowser } from './launch.ts';

const NAMES = [
  'google-chrome-stable',
  'google-chrome',
  'chromium',
  'chromium-browser',
  'chrome-headless-shell',
];
const PLACES = [
  '/opt/google/chrome/chrome',
  '/usr/lib/chromium/chromium',
  '/usr/lib/chromium-browser/chromium-browser',
  '/usr/lib64/chromium-browser/chromium-browser',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const INSIDE = '/millwright/browser';

/** No Chromium was found; the message says where it was looked for, `remedy` the way out. */
export class BrowserMissing extends Error {
  override readonly name = 'BrowserMissing';
  readonly remedy =
    'Install Chrome or Chromium (for example `npx playwright install chromium`), or name one: MILLWRIGHT_CHROMIUM=/path/to/chrome.';
}

/**
 * Finds a Chromium: the one that MILLWRIGHT_CHROMIUM names, the system's Chrome or Chromium, or Playwright's. A
 * folder `lib` beside a named one is taken as its libraries. Throws `BrowserMissing`.
 */
export async function findBrowser(env: NodeJS.ProcessEnv = process.env): Promise<FoundBrowser> {
  const named = env['MILLWRIGHT_CHROMIUM'];
  if (named) {
    const found = binary(named);
    if (!found) throw new BrowserMissing(`MILLWRIGHT_CHROMIUM names ${named}, and no program is there.`);
    return withLibraries(found);
  }
  const onPath = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .flatMap((folder) => NAMES.map((name) => join(folder, name)));
  for (const place of [...PLACES, ...onPath, ...(await playwrights(env))]) {
    const found = binary(place);
    if (found) return { executable: found };
  }
  throw new BrowserMissing('No Chrome or Chromium was found on this machine.');
}

/** The program itself: a distribution's launcher is a script that looks for files which a sandbox does not show. */
function binary(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const real = realpathSync(path);
  if (readFileSync(real).subarray(0, 2).toString() !== '#!') return real;
  const beside = ['chrome', 'chromium'].map((name) => join(dirname(real), name));
  return [...beside, ...PLACES].find(
    (place) => place !== real && existsSync(place) && binary(place) === place,
  );
}

function withLibraries(executable: string): FoundBrowser {
  const libraries = ['lib', 'al2023/lib']
    .map((name) => join(dirname(executable), name))
    .find((folder) => existsSync(folder));
  return { executable, libraries };
}

/** Chromium as `npx playwright install` leaves it, newest first. */
async function playwrights(env: NodeJS.ProcessEnv): Promise<string[]> {
  const folder = env['PLAYWRIGHT_BROWSERS_PATH'] ?? join(homedir(), '.cache', 'ms-playwright');
  const names = (await readdir(folder).catch(() => []))
    .filter((name) => name.startsWith('chromium'))
    .sort()
    .reverse();
  const inside = [
    'chrome-linux/chrome',
    'chrome-linux64/chrome',
    'chrome-linux/headless_shell',
    'chrome-headless-shell-linux64/chrome-headless-shell',
  ];
  return names.flatMap((name) => inside.map((path) => join(folder, name, path)));
}

/**
 * Where a run in a sandbox finds the browser: the system's in place, any other in a layer of its folder. Throws
 * `BrowserMissing` when that folder is one that holds other things of the user.
 */
export function placed(
  found: FoundBrowser,
  { enforced }: Sandbox,
): { browser: FoundBrowser; layers: Layer[] } {
  const { executable, libraries } = found;
  if (enforced.files !== 'allow-list' || executable.startsWith('/usr/'))
    return { browser: found, layers: [] };
  const from = dirname(executable);
  const holds = (path: string) => !relative(from, path).startsWith('..');
  if (holds(homedir()) || holds('/tmp') || holds(process.cwd()))
    throw new BrowserMissing(
      `${executable} does not lie in a folder of its own, so a sandbox cannot be given it.`,
    );
  const at = (path: string) => join(INSIDE, relative(from, path));
  return {
    browser: { executable: at(executable), ...(libraries && { libraries: at(libraries) }) },
    layers: [{ from, at: INSIDE }],
  };
}
