import { readActive, writeActive } from './active.ts';
import { usablePort } from './ports.ts';
import { loadVersion } from './versions.ts';
import type { Loaded, Site } from './workerd_options.ts';

/**
 * The sites that were in force when the last runtime ended. A version that can't be read back is reported and its
 * share goes to the other one; a product none of whose versions can be is left out. Ports taken meanwhile change.
 */
export async function restoreSites(dir: string, onLog: (line: string) => void): Promise<Site[]> {
  const active = await readActive(dir);
  const sites: Site[] = [];
  for (const [product, entry] of Object.entries(active)) {
    const loaded: Loaded[] = [];
    for (const { version } of entry.shares) {
      try {
        loaded.push({ version: await loadVersion(dir, product, version), port: await usablePort() });
      } catch (error) {
        onLog(`error ${product} ${version} is not served: ${error instanceof Error ? error.message : error}`);
      }
    }
    const [only] = loaded;
    if (!only) continue;
    entry.port = await usablePort(entry.port);
    const whole = [{ version: only.version.version, percent: 100 }];
    const shares = loaded.length === entry.shares.length ? entry.shares : whole;
    sites.push({ product, port: entry.port, shares, loaded });
  }
  await writeActive(dir, active);
  return sites;
}
