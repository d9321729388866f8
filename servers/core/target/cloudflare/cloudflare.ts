import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import { ToolError } from '../../errors.ts';
import type { BookedVersion, VersionBook } from '../book.ts';
import { checkName, checkShares } from '../names.ts';
import { ApiRefusal } from '../rest.ts';
import type { Share, Target } from '../target.ts';
import { cloudflareAddresses } from './addresses.ts';
import type { CloudflareClient } from './client.ts';
import { deploy, deployed } from './deployments.ts';
import { applyMigrations } from './migrations.ts';
import { PLACEHOLDER_TAG } from './placeholder.ts';
import { ensureResource, listResources, removeResource } from './resources.ts';
import { setTriggers } from './triggers.ts';
import { placeholderVersion, scriptPath, uploadVersion, versionByTag } from './versions.ts';

/** Where a Worker answers: at its own address, or one version alone when its id is given. */
export type AddressOf = (worker: string, remote: string | null) => Promise<string>;

export interface CloudflareTargetOptions {
  client: CloudflareClient;
  book: VersionBook;
  clock: Clock;
  /** Given where Workers do not answer at workers.dev. */
  addressOf?: AddressOf;
}

/**
 * The target Cloudflare, over its REST API and nothing else: no process is started and no file of a project is read
 * here, so nothing of a project meets the token.
 *
 * A Worker is made with a version that answers 503, so every release goes the gradual way: uploaded by digest without
 * traffic, then given its share by the id of the version. What somebody else serves with the same Worker is seen under
 * the id that Cloudflare gave it, and can be put back under that id. Cloudflare tells no numbers by version here.
 */
export function openCloudflareTarget(options: CloudflareTargetOptions): Target {
  const { client, book, clock } = options;
  const addressOf = options.addressOf ?? workersDev(client);

  async function versionOf(product: string, version: string): Promise<BookedVersion> {
    const known = await book.find(checkName(product), version);
    if (known?.remote != null) return known;
    throw neverUploaded(product, version);
  }

  /** The id that Cloudflare gave to a version of ours, or to one of somebody else's that is named by that id. */
  async function remoteOf(product: string, worker: string, version: string): Promise<string> {
    const known = await book.find(product, version);
    if (known?.remote != null) return known.remote;
    if (z.uuid().safeParse(version).success && (await isThere(client, worker, version))) return version;
    throw neverUploaded(product, version);
  }

  async function nameOf(remote: string): Promise<string> {
    return (await book.byRemote(remote))?.version ?? remote;
  }

  return {
    name: 'cloudflare',
    resources: () => listResources(client),
    ensure: (spec) => ensureResource(client, { ...spec, name: checkName(spec.name) }),
    remove: (resource) => removeResource(client, resource),

    async upload(version) {
      await uploadVersion(client, book, version, clock.now());
      await openAddress(client, version.config.name);
    },

    async migrate(product, version) {
      return applyMigrations(client, (await versionOf(product, version)).migrations);
    },

    async split(product, shares) {
      checkShares(shares);
      const known = await book.newest(checkName(product));
      if (!known) throw neverUploaded(product, shares[0]?.version ?? '');
      const wanted = [];
      for (const { version, percent } of shares)
        wanted.push({ version_id: await remoteOf(product, known.worker, version), percentage: percent });
      const message = shares.map(({ version, percent }) => `${version} ${percent} %`).join(', ');
      await deploy(client, known.worker, wanted, message);
      const whole = shares.length === 1 ? await book.find(product, shares[0]?.version ?? '') : undefined;
      if (whole) await setTriggers(client, whole.config);
      return { url: await addressOf(known.worker, null) };
    },

    async serving(product) {
      const known = await book.newest(checkName(product));
      if (!known) return null;
      const now = await deployed(client, known.worker);
      const nothing =
        now.length === 1 ? await versionByTag(client, known.worker, PLACEHOLDER_TAG) : undefined;
      if (now.length === 0 || now[0]?.version_id === nothing) return null;
      const shares: Share[] = [];
      for (const { version_id, percentage } of now)
        if (percentage > 0) shares.push({ version: await nameOf(version_id), percent: percentage });
      return { shares, url: await addressOf(known.worker, null) };
    },

    async previewUrl(product, version) {
      const { worker, remote } = await versionOf(product, version);
      return addressOf(worker, remote);
    },

    addresses: cloudflareAddresses(client),
    numbers: async () => null,

    async retire(product) {
      const known = await book.newest(checkName(product));
      if (!known || (await deployed(client, known.worker)).length === 0) return;
      const version_id = await placeholderVersion(client, known.worker);
      await setTriggers(client, { name: known.worker, crons: [], queues: { producers: [], consumers: [] } });
      await deploy(client, known.worker, [{ version_id, percentage: 100 }], 'Nothing is released');
    },
  };
}

const subdomain = z.object({ subdomain: z.string() });
const opened = z.object({ enabled: z.boolean(), previews_enabled: z.boolean().nullish() });

/** `worker.account.workers.dev`, and for one version its own name before it. */
function workersDev(client: CloudflareClient): AddressOf {
  let account: Promise<string> | undefined;
  const nameOfAccount = () => {
    account ??= client
      .call(subdomain, { method: 'GET', path: '/accounts/:account/workers/subdomain' })
      .then((found) => found.subdomain)
      .catch((error) => {
        account = undefined;
        throw error;
      });
    return account;
  };
  return async (worker, remote) => {
    const host = `${worker}.${await nameOfAccount()}.workers.dev`;
    return remote === null ? `https://${host}` : `https://${remote.slice(0, 8)}-${host}`;
  };
}

/** Lets the Worker and each of its versions answer at workers.dev, which Cloudflare leaves off for a new one. */
async function openAddress(client: CloudflareClient, worker: string): Promise<void> {
  const path = `${scriptPath(worker)}/subdomain`;
  const now = await client.call(opened, { method: 'GET', path });
  if (now.enabled && now.previews_enabled === true) return;
  const json = { enabled: true, previews_enabled: true };
  await client.call(z.unknown(), { method: 'POST', path, json, repeatable: true });
}

async function isThere(client: CloudflareClient, worker: string, id: string): Promise<boolean> {
  return client.call(z.unknown(), { method: 'GET', path: `${scriptPath(worker)}/versions/${id}` }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ApiRefusal && error.status === 404) return false;
      throw error;
    },
  );
}

const neverUploaded = (product: string, version: string) =>
  new ToolError(
    'NOT_FOUND',
    `The version ${version.slice(0, 80)} of ${product} was never uploaded to Cloudflare.`,
    'Call release_list for the versions that exist.',
  );
