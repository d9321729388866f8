import { join } from 'node:path';
import type { MiniflareOptions } from 'miniflare';
import { ASSETS } from '../digest.ts';
import type { Resource, Share, WorkerVersion } from '../target.ts';
import { envOf, exportsOf, moduleOf, triggersOf, workerName } from './bindings.ts';
import { FRONT } from './front.ts';
import { OWNER_VARIABLE } from './processes.ts';

/** A version in workerd; on its own port it answers alone. */
export interface Loaded {
  version: WorkerVersion;
  port: number;
}

/** One product on its port: the split, and the versions that are loaded for it. No shares: only previews answer. */
export interface Site {
  product: string;
  port: number;
  shares: readonly Share[];
  loaded: readonly Loaded[];
}

/** What all Workers of one runtime share. */
export interface Ground {
  dir: string;
  owner: string;
  /** The secret by which front Workers know the runtime. */
  control: string;
  resources: readonly Resource[];
  onLog(line: string): void;
}

/** The Worker that holds every store for the runtime itself, and answers for the whole outside world. */
export const STORE_WORKER = 'store';

const CLOSED = `export default {
  fetch: () => new Response('The local target has no way to the outside.', { status: 403 }),
};`;
const PREVIEW = 'export default { fetch: (request, env) => env.VERSION.fetch(request) };';
const COMPATIBILITY_DATE = '2026-01-01';

/**
 * What Miniflare runs: per product a front Worker on its port, the loaded versions behind it, and a port for each.
 *
 * A product's Worker has no way out: fetch() of anything gets 403 from the closed Worker, and sockets can't be
 * opened. Miniflare's own calls to the network (request.cf, telemetry, its registry of processes) are off.
 * The resources that the versions bind must be among `resources`.
 */
export function workerdOptions(ground: Ground, sites: readonly Site[]): MiniflareOptions {
  const { dir, owner, resources, onLog } = ground;
  return {
    host: '127.0.0.1',
    port: 0,
    cf: false,
    enableDevRegistry: false,
    unsafeLocalExplorer: false,
    logRequests: false,
    telemetry: { enabled: false },
    resourcePersistencePath: join(dir, 'data'),
    resourceTmpPath: join(dir, 'tmp'),
    unsafeRuntimeEnv: { [OWNER_VARIABLE]: owner },
    handleStructuredLogs: ({ level, message }) => onLog(`${level} ${message}`),
    workers: [
      worker(STORE_WORKER, CLOSED, storesOf(resources)),
      ...sites.flatMap((site) => [
        ...(site.shares.length > 0 ? [front(ground, site)] : []),
        ...site.loaded.flatMap((loaded) => [
          preview(site, loaded),
          versionWorker(ground, site, loaded.version),
        ]),
      ]),
    ],
  };
}

type WorkerOptions = MiniflareOptions['workers'][number];
type Env = NonNullable<WorkerOptions['config']['env']>;

function storesOf(resources: readonly Resource[]): Env {
  const stores = resources.filter(({ kind }) => kind === 'd1' || kind === 'kv' || kind === 'r2');
  return Object.fromEntries(
    stores.map(({ kind, name, id }) => [
      `${kind}:${name}`,
      kind === 'r2' ? { type: kind, name: id } : { type: kind, id },
    ]),
  ) as Env;
}

function worker(name: string, script: string, env: Env, port?: number): WorkerOptions {
  return {
    config: {
      name,
      compatibilityDate: COMPATIBILITY_DATE,
      manifest: {
        mainModule: 'index.js',
        modulesRoot: '/',
        modules: { 'index.js': { type: 'esm', contents: script } },
      },
      env,
    },
    dev: {
      unsafeRegisterWorker: false,
      outboundService: { type: 'worker', worker: STORE_WORKER },
      ...(port !== undefined && { unsafeDirectSockets: [{ host: '127.0.0.1', port }] }),
    },
  };
}

function front({ control }: Ground, { product, port, shares, loaded }: Site): WorkerOptions {
  const bound = loaded.map(({ version }, at) => [`V${at}`, version.version] as const);
  const versions = Object.fromEntries(bound.map(([name, version]) => [version, name]));
  const text = (value: string) => ({ type: 'text' as const, value });
  const env = Object.fromEntries(
    bound.map(([name, version]) => [name, { type: 'worker', worker: workerName(product, version) }]),
  );
  const variables = {
    CONTROL: text(control),
    SHARES: text(JSON.stringify(shares)),
    VERSIONS: text(JSON.stringify(versions)),
  };
  return worker(`front:${product}`, FRONT, { ...env, ...variables } as Env, port);
}

const preview = ({ product }: Site, { version, port }: Loaded): WorkerOptions =>
  worker(
    `preview:${product}:${version.version}`,
    PREVIEW,
    { VERSION: { type: 'worker', worker: workerName(product, version.version) } },
    port,
  );

function versionWorker(ground: Ground, site: Site, version: WorkerVersion): WorkerOptions {
  const { product } = site;
  const { config, files } = version;
  const { dev } = worker('', '', {});
  const modules = files.filter(({ path }) => !path.startsWith(ASSETS));
  const assets = config.assets && {
    directory: join(ground.dir, 'bundles', version.bundle, ASSETS),
    notFoundHandling: config.assets.notFound,
    runWorkerFirst: config.assets.runWorkerFirst,
    hasUserWorker: true,
  };
  return {
    config: {
      name: workerName(product, version.version),
      compatibilityDate: config.compatibilityDate,
      compatibilityFlags: config.compatibilityFlags,
      manifest: {
        mainModule: config.main,
        modulesRoot: '/',
        modules: Object.fromEntries(modules.map((file) => [file.path, moduleOf(file, config)])),
      },
      env: envOf(ground.resources, site, version) as Env,
      exports: exportsOf(product, config) as NonNullable<WorkerOptions['config']['exports']>,
      triggers: triggersOf(site, version) as NonNullable<WorkerOptions['config']['triggers']>,
      ...(assets && { assets }),
    },
    ...(dev && { dev }),
  };
}
