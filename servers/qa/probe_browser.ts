import type { Layer, Sandbox, SandboxLimits } from '../core/sandbox/sandbox.ts';
import { BROWSER_LIMITS } from './page/check.ts';
import { BrowserMissing, findBrowser, placed } from './page/find_browser.ts';
import type { FoundBrowser } from './page/launch.ts';

/** What a probe without a browser says. */
export const NO_BROWSER = 'no Chromium is there, so what runs in pages was judged by their text.';

/** Where the probe finds a browser to confirm with what runs in pages, and what that needs; undefined where there is none. */
export async function browserFor(
  sandbox: Sandbox | undefined,
): Promise<{ browser: FoundBrowser; layers: readonly Layer[]; limits: Partial<SandboxLimits> } | undefined> {
  try {
    const found = await findBrowser();
    const place = sandbox ? placed(found, sandbox) : { browser: found, layers: [] };
    return { ...place, limits: BROWSER_LIMITS };
  } catch (error) {
    if (error instanceof BrowserMissing) return undefined;
    throw error;
  }
}
