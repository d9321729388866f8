import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Miniflare } from 'miniflare';
import { ToolError } from '../../errors.ts';
import type { Resource, Serving, Share, VersionNumbers } from '../target.ts';
import { readActive, urlOf, writeActive } from './active.ts';
import { leading, needsLeader } from './bindings.ts';
import { runCrons } from './crons.ts';
import { empty } from './empty.ts';
import { addNumbers, giveShares, readNumbers } from './front.ts';
import { applyMigrations } from './migrations.ts';
import { answers, usablePort } from './ports.ts';
import { requireResources } from './provisioned.ts';
import { listResources } from './resources.ts';
import { restoreSites } from './restore.ts';
import { loadVersion } from './versions.ts';
import { type Loaded, type Site, workerdOptions } from './workerd_options.ts';

/** Products in workerd. One order at a time: the caller makes sure of it. */
export interface Workers {
  migrate(product: string, version: string): Promise<string[]>;
  split(product: string, shares: readonly Share[]): Promise<{ url: string }>;
  preview(product: string, version: string): Promise<{ url: string }>;
  retire(product: string): Promise<void>;
  serving(product: string): Serving | null;
  numbers(product: string): Promise<VersionNumbers[] | null>;
  empty(resource: Pick<Resource, 'kind' | 'name'>): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * Starts workerd with every split that was in force when the last runtime ended. A version whose files can't be read
 * back is left out and reported by `onLog`; a product whose port was taken meanwhile gets another.
 *
 * workerd restarts when a version is loaded that it does not have yet, and all products pause for a moment. A split
 * between loaded versions is an order to the front Worker and fails no request.
 */
export async function startWorkers(
  dir: string,
  owner: string,
  onLog: (line: string) => void,
): Promise<Workers> {
  await rm(join(dir, 'tmp'), { recursive: true, force: true });
  await mkdir(join(dir, 'tmp'), { mode: 0o700 });

  const control = randomBytes(32).toString('hex');
  const ground = { dir, owner, control, onLog };
  let sites = await restoreSites(dir, onLog);
  let resources = await listResources(dir);
  const miniflare = inFolder(join(dir, 'tmp'), () => {
    return new Miniflare(workerdOptions({ ...ground, resources }, sites));
  });
  await miniflare.ready;
  const stopCrons = runCrons(miniflare, () => sites, onLog);

  let bound = JSON.stringify(resources);
  /** What fronts had counted before workerd was restarted, by product. */
  const counted = new Map<string, VersionNumbers[]>();
  async function run(next: readonly Site[]): Promise<void> {
    for (const { product } of sites) counted.set(product, (await numbersOf(product)) ?? []);
    await miniflare.setOptions(workerdOptions({ ...ground, resources }, next));
    bound = JSON.stringify(resources);
  }

  const siteOf = (product: string) => sites.find((site) => site.product === product);

  async function numbersOf(product: string): Promise<VersionNumbers[] | null> {
    const site = siteOf(product);
    if (!site || site.shares.length === 0) return null;
    const before = counted.get(product) ?? [];
    const now = await readNumbers(site.port, control).catch(() => null);
    return now ? addNumbers(before, now) : before;
  }

  /** Runs `next` in place of the site of its product; if workerd can't or `check` fails, all is as before. */
  async function replaceSite(next: Site, check: () => Promise<void>): Promise<void> {
    const others = sites.filter(({ product }) => product !== next.product);
    const before = sites;
    try {
      await run([...others, next]);
      sites = [...others, next];
      await check();
    } catch (cause) {
      sites = before;
      await run(before);
      throw new ToolError(
        'UPSTREAM',
        'The version does not start: workerd refused it or it did not answer. What was active before still is.',
        'Look at what the version does while its modules load; a new build goes through the pipeline.',
        { cause },
      );
    }
  }

  /** Loads a version whose resources exist, on a port of its own; takes note of resources that came since. */
  async function load(product: string, version: string): Promise<Loaded> {
    const loaded = await loadVersion(dir, product, version);
    resources = await listResources(dir);
    requireResources(loaded, resources);
    const found = siteOf(product)?.loaded.find((one) => one.version.version === version);
    return found ?? { version: loaded, port: await usablePort() };
  }

  const without = (loaded: readonly Loaded[], more: readonly Loaded[]) =>
    loaded.filter((one) => !more.some(({ version }) => version.version === one.version.version));

  /** Those of a site that its split needs. */
  const inForce = ({ loaded, shares }: Site) =>
    loaded.filter(({ version }) => shares.some((share) => share.version === version.version));

  async function newSite(product: string): Promise<Site> {
    const port = await usablePort((await readActive(dir))[product]?.port);
    return { product, port, shares: [], loaded: [] };
  }

  return {
    async migrate(product, version) {
      const { version: loaded } = await load(product, version);
      if (bound !== JSON.stringify(resources)) await run(sites);
      return applyMigrations(miniflare, loaded.migrations);
    },

    async split(product, shares) {
      const wanted = await Promise.all(shares.map(({ version }) => load(product, version)));
      const site = siteOf(product) ?? (await newSite(product));
      const url = urlOf(site.port);
      if (JSON.stringify(site.shares) === JSON.stringify(shares)) return { url };
      const next = { ...site, shares: [...shares], loaded: [...without(inForce(site), wanted), ...wanted] };
      const leads = wanted.some(({ version }) => needsLeader(version.config));
      const moved = leads && leading(site.shares) !== leading(shares);
      const known = wanted.every((one) => site.loaded.includes(one));
      if (known && site.shares.length > 0 && !moved) {
        await giveShares(site.port, control, shares);
        sites = sites.map((one) => (one === site ? { ...site, shares: [...shares] } : one));
      } else {
        await replaceSite(next, async () => {
          for (const { port } of wanted) await answers(urlOf(port));
          await answers(url);
          await giveShares(site.port, control, shares);
        });
      }
      counted.delete(product);
      await writeActive(dir, {
        ...(await readActive(dir)),
        [product]: { port: site.port, shares: [...shares] },
      });
      return { url };
    },

    async preview(product, version) {
      const loaded = await load(product, version);
      const site = siteOf(product) ?? (await newSite(product));
      if (!site.loaded.includes(loaded)) {
        const next = { ...site, loaded: [...inForce(site), loaded] };
        await replaceSite(next, () => answers(urlOf(loaded.port)));
      }
      return { url: urlOf(loaded.port) };
    },

    async retire(product) {
      const active = await readActive(dir);
      const entry = active[product];
      const site = siteOf(product);
      if (site) await replaceSite({ ...site, shares: [], loaded: [] }, async () => {});
      sites = sites.filter((one) => one.product !== product);
      if (entry) await writeActive(dir, { ...active, [product]: { ...entry, shares: [] } });
    },

    serving(product) {
      const site = siteOf(product);
      return site && site.shares.length > 0 ? { shares: [...site.shares], url: urlOf(site.port) } : null;
    },

    numbers: numbersOf,

    async empty(resource) {
      resources = await listResources(dir);
      if (bound !== JSON.stringify(resources)) await run(sites);
      await empty(miniflare, resource);
    },

    async dispose() {
      stopCrons();
      await miniflare.dispose();
    },
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
