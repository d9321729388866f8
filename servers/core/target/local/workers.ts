import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Miniflare } from 'miniflare';
import { ToolError } from '../../errors.ts';
import type { Serving, WorkerVersion } from '../target.ts';
import { type ActiveVersions, readActive, urlOf, writeActive } from './active.ts';
import { applyMigrations } from './migrations.ts';
import { answers, usablePort } from './ports.ts';
import { requireResources } from './provisioned.ts';
import { listResources } from './resources.ts';
import { loadVersion } from './versions.ts';
import { type Site, workerdOptions } from './workerd_options.ts';

/** Products in workerd. One order at a time: the caller makes sure of it. */
export interface Workers {
  migrate(product: string, version: string): Promise<string[]>;
  activate(product: string, version: string): Promise<{ url: string }>;
  retire(product: string): Promise<void>;
  active(product: string): Serving | null;
  dispose(): Promise<void>;
}

/**
 * Starts workerd with everything that was active when the last runtime ended. A version whose files can't be read
 * back is left out and reported by `onLog`; a product whose port was taken meanwhile gets another.
 */
export async function startWorkers(
  dir: string,
  owner: string,
  onLog: (line: string) => void,
): Promise<Workers> {
  await rm(join(dir, 'tmp'), { recursive: true, force: true });
  await mkdir(join(dir, 'tmp'), { mode: 0o700 });

  let sites = await restore(dir, onLog);
  let resources = await listResources(dir);
  const miniflare = inFolder(join(dir, 'tmp'), () => {
    return new Miniflare(workerdOptions(dir, owner, resources, sites, onLog));
  });
  await miniflare.ready;

  /** Loads a version whose resources exist, and takes note of resources that came since. */
  async function provisioned(product: string, version: string): Promise<WorkerVersion> {
    const loaded = await loadVersion(dir, product, version);
    resources = await listResources(dir);
    requireResources(loaded, resources);
    return loaded;
  }

  let bound = JSON.stringify(resources);
  async function run(next: readonly Site[]): Promise<void> {
    await miniflare.setOptions(workerdOptions(dir, owner, resources, next, onLog));
    bound = JSON.stringify(resources);
  }

  /** Runs `next` instead of `sites`, or, if workerd can't or `check` fails, `sites` as before. */
  async function replaceSites(next: Site[], check: () => Promise<void>): Promise<void> {
    try {
      await run(next);
      await check();
    } catch (cause) {
      await run(sites);
      throw new ToolError(
        'UPSTREAM',
        'The version does not start: workerd refused it or it did not answer. What was active before still is.',
        'Look at what the version does while its modules load; a new build goes through the pipeline.',
        { cause },
      );
    }
    sites = next;
  }

  return {
    async migrate(product, version) {
      const { migrations } = await provisioned(product, version);
      if (bound !== JSON.stringify(resources)) await run(sites);
      return applyMigrations(miniflare, migrations);
    },

    async activate(product, version) {
      const loaded = await provisioned(product, version);
      const active = await readActive(dir);
      const port =
        sites.find((site) => site.product === product)?.port ?? (await usablePort(active[product]?.port));
      const others = sites.filter((site) => site.product !== product);
      await replaceSites([...others, { product, port, version: loaded }], () => answers(urlOf(port)));
      await writeActive(dir, { ...active, [product]: { port, version } });
      return { url: urlOf(port) };
    },

    async retire(product) {
      const active = await readActive(dir);
      const entry = active[product];
      if (!entry) return;
      await replaceSites(
        sites.filter((site) => site.product !== product),
        async () => {},
      );
      await writeActive(dir, { ...active, [product]: { ...entry, version: null } });
    },

    active(product) {
      const site = sites.find((one) => one.product === product);
      return site
        ? { shares: [{ version: site.version.version, percent: 100 }], url: urlOf(site.port) }
        : null;
    },

    dispose: () => miniflare.dispose(),
  };
}

/** Miniflare chooses its own folder as it is made: there, the next runtime removes what a killed one left. */
function inFolder<T>(folder: string, make: () => T): T {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  try {
    return make();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

async function restore(dir: string, onLog: (line: string) => void): Promise<Site[]> {
  const active: ActiveVersions = await readActive(dir);
  const sites: Site[] = [];
  for (const [product, entry] of Object.entries(active)) {
    if (entry.version === null) continue;
    try {
      const version = await loadVersion(dir, product, entry.version);
      entry.port = await usablePort(entry.port);
      sites.push({ product, port: entry.port, version });
    } catch (error) {
      onLog(
        `error ${product} ${entry.version} is not served: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  await writeActive(dir, active);
  return sites;
}
