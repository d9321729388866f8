import { delimiter } from 'node:path';
import type { Browser } from 'playwright-core';

/** A Chromium on this machine; `libraries` is a folder of shared libraries that it brings along. */
export interface FoundBrowser {
  executable: string;
  libraries?: string | undefined;
}

const LAUNCH_MS = 30_000;

/**
 * Starts Chromium without a window and with a new, empty profile, which is removed at its end. It can resolve no
 * host but those given, so that a redirect or a script leads nowhere else. Throws when it does not start.
 */
export async function launch(
  { executable, libraries }: FoundBrowser,
  hosts: readonly string[],
): Promise<Browser> {
  const reachable = [...new Set(hosts.map((host) => host.replace(/:\d+$/, '')))];
  const rules = ['MAP * ~NOTFOUND', ...reachable.map((host) => `EXCLUDE ${host}`)].join(', ');
  const path = [libraries, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(delimiter);
  // Loaded late: it is large, and not every run needs it.
  const { chromium } = await import('playwright-core');
  return chromium.launch({
    executablePath: executable,
    timeout: LAUNCH_MS,
    chromiumSandbox: false,
    args: [
      `--host-resolver-rules=${rules}`,
      '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      '--hide-scrollbars',
    ],
    env: { ...(process.env as Record<string, string>), ...(path && { LD_LIBRARY_PATH: path }) },
  });
}
