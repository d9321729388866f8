import * as z from 'zod';
import { ToolError } from '../../errors.ts';
import type { VersionBook } from '../book.ts';
import { ASSET_RULES, ASSETS } from '../digest.ts';
import { findOrMake } from '../find_or_make.ts';
import { ApiRefusal } from '../rest.ts';
import type { BundleFile, WorkerVersion } from '../target.ts';
import { isUploaded, tagOf } from '../upload_checks.ts';
import { uploadAssets } from './assets.ts';
import type { CloudflareClient } from './client.ts';
import { deployed } from './deployments.ts';
import { metadataOf } from './metadata.ts';
import { missingResource } from './missing.ts';
import { PLACEHOLDER_TAG, placeholderForm, workerForm } from './placeholder.ts';
import { idsOf } from './resources.ts';

const version = z.object({
  id: z.string(),
  annotations: z.record(z.string(), z.unknown()).nullish(),
});
const versions = z.object({ items: z.array(version) });

export const scriptPath = (worker: string) => `/accounts/:account/workers/scripts/${worker}`;

/**
 * Brings a version to Cloudflare; it takes no traffic. A version whose upload was interrupted is found by its tag and
 * used. Never a `PUT` of the Worker, which would serve it to everybody at once.
 */
export async function uploadVersion(
  client: CloudflareClient,
  book: VersionBook,
  input: WorkerVersion,
  now: number,
): Promise<void> {
  if (await isUploaded(book, input)) return;
  await book.add(input, now);
  await addClasses(client, input);
  const find = () => versionByTag(client, input.config.name, tagOf(input));
  const { value: remote } = await findOrMake(find, () => post(client, input));
  await book.setRemote(input.product, input.version, remote);
}

async function post(client: CloudflareClient, input: WorkerVersion): Promise<string> {
  const { config, files } = input;
  const none: ReadonlyMap<string, string> = new Map();
  const ids = {
    d1: config.d1.length > 0 ? await idsOf(client, 'd1') : none,
    kv: config.kv.length > 0 ? await idsOf(client, 'kv') : none,
  };
  const assets = config.assets ? await uploadAssets(client, config.name, assetsOf(files)) : null;
  const modules = files.filter(({ path }) => !path.startsWith(ASSETS));
  const form = workerForm(metadataOf(input, ids, assets), modules, config);
  const made = await client.call(version, {
    method: 'POST',
    path: `${scriptPath(config.name)}/versions`,
    form,
  });
  return made.id;
}

const assetsOf = (files: readonly BundleFile[]) =>
  files
    .filter(({ path }) => path.startsWith(ASSETS))
    .map(({ path, bytes }) => ({ path: path.slice(ASSETS.length), bytes }))
    .filter(({ path }) => !ASSET_RULES.includes(path));

/** The id of the newest version with this tag, among the hundred that can be deployed. Throws CONFLICT without a Worker. */
export async function versionByTag(
  client: CloudflareClient,
  worker: string,
  tag: string,
): Promise<string | undefined> {
  const { items } = await client
    .call(versions, {
      method: 'GET',
      path: `${scriptPath(worker)}/versions`,
      query: { deployable: 'true' },
    })
    .catch((error: unknown) => {
      throw error instanceof ApiRefusal && error.status === 404 ? missingResource('Worker', worker) : error;
    });
  return items.find(({ annotations }) => annotations?.['workers/tag'] === tag)?.id;
}

/** The version that stands for nothing, made where the Worker was adopted and has none. */
export async function placeholderVersion(client: CloudflareClient, worker: string): Promise<string> {
  const find = () => versionByTag(client, worker, PLACEHOLDER_TAG);
  const make = async () => {
    const path = `${scriptPath(worker)}/versions`;
    return (await client.call(version, { method: 'POST', path, form: placeholderForm([]) })).id;
  };
  return (await findOrMake(find, make)).value;
}

const namespace = z.object({ class: z.string().nullish(), script: z.string().nullish() });

/** Classes of Durable Objects come with a whole deployment only, so only where nothing is served that it would replace. */
async function addClasses(client: CloudflareClient, { config }: WorkerVersion): Promise<void> {
  if (config.durableObjects.length === 0) return;
  const there = await client.all(namespace, '/accounts/:account/workers/durable_objects/namespaces');
  const has = (name: string) => there.some((one) => one.script === config.name && one.class === name);
  const missing = config.durableObjects.filter(({ className }) => !has(className));
  if (missing.length === 0) return;
  const nothing = await versionByTag(client, config.name, PLACEHOLDER_TAG);
  const now = await deployed(client, config.name);
  const free =
    now.length === 1 && now[0]?.version_id === nothing && missing.length === config.durableObjects.length;
  if (!free)
    throw lateClasses(
      config.name,
      missing.map(({ className }) => className),
    );
  const form = placeholderForm(missing.map(({ className, sqlite }) => ({ className, sqlite })));
  await client.call(z.unknown(), { method: 'PUT', path: scriptPath(config.name), form });
}

const lateClasses = (worker: string, classes: readonly string[]) =>
  new ToolError(
    'CONFLICT',
    `The Worker ${worker} serves already, and Cloudflare adds the Durable Object class ${classes.join(', ')} only by replacing what is served as a whole.`,
    'Give the class to a Worker of its own in infra.yaml and propose that with infra_propose.',
    { rule: 'release.classes' },
  );
