import { join } from 'node:path';
import type { MiniflareOptions } from 'miniflare';
import type { BundleFile, Resource, WorkerVersion } from '../target.ts';
import { OWNER_VARIABLE } from './processes.ts';

/** One product on its port, with the version that answers there. */
export interface Site {
  product: string;
  port: number;
  version: WorkerVersion;
}

/** The Worker that holds every database for the runtime itself, and answers for the whole outside world. */
export const STORE_WORKER = 'store';

const CLOSED = `export default {
  fetch: () => new Response('The local target has no way to the outside.', { status: 403 }),
};`;
const FRONT = 'export default { fetch: (request, env) => env.ACTIVE.fetch(request) };';
const COMPATIBILITY_DATE = '2026-01-01';

/**
 * What Miniflare runs: per product a front Worker on its port and the active version behind it.
 *
 * A product's Worker has no way out: fetch() of anything gets 403 from the closed Worker, and sockets can't be
 * opened. Miniflare's own calls to the network (request.cf, telemetry, its registry of processes) are off.
 * The databases that the versions bind must be among `resources`.
 */
export function workerdOptions(
  dir: string,
  owner: string,
  resources: readonly Resource[],
  sites: readonly Site[],
  onLog: (line: string) => void,
): MiniflareOptions {
  const databases = new Map(resources.filter(({ kind }) => kind === 'd1').map(({ name, id }) => [name, id]));
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
      worker(
        STORE_WORKER,
        CLOSED,
        Object.fromEntries([...databases].map(([name, id]) => [name, { type: 'd1', id }])),
      ),
      ...sites.flatMap((site) => [front(site), product(site, databases)]),
    ],
  };
}

type WorkerOptions = MiniflareOptions['workers'][number];
type Env = NonNullable<WorkerOptions['config']['env']>;

function worker(name: string, script: string, env: Env): WorkerOptions {
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
    dev: { unsafeRegisterWorker: false, outboundService: { type: 'worker', worker: STORE_WORKER } },
  };
}

function front({ product, port }: Site): WorkerOptions {
  const { config, dev } = worker(`front:${product}`, FRONT, {
    ACTIVE: { type: 'worker', worker: `product:${product}` },
  });
  return { config, dev: { ...dev, unsafeDirectSockets: [{ host: '127.0.0.1', port }] } };
}

function product({ product, version }: Site, databases: ReadonlyMap<string, string>): WorkerOptions {
  const { config, files } = version;
  const d1 = config.d1.map(({ binding, database }) => [
    binding,
    { type: 'd1', id: idOf(databases, database) },
  ]);
  const vars = Object.entries(config.vars).map(([name, value]) => [name, { type: 'text', value }]);
  const { dev } = worker('', '', {});
  return {
    config: {
      name: `product:${product}`,
      compatibilityDate: config.compatibilityDate,
      compatibilityFlags: config.compatibilityFlags,
      manifest: {
        mainModule: config.main,
        modulesRoot: '/',
        modules: Object.fromEntries(files.map((file) => [file.path, moduleOf(file)])),
      },
      env: Object.fromEntries([...d1, ...vars]) as Env,
    },
    ...(dev && { dev }),
  };
}

function idOf(databases: ReadonlyMap<string, string>, name: string): string {
  const id = databases.get(name);
  if (id === undefined) throw new Error(`the database ${name} does not exist`);
  return id;
}

/** The kind of module that wrangler's default rules give to a file, by its extension. */
function moduleOf({ path, bytes }: BundleFile) {
  if (/\.m?js$/.test(path)) return { type: 'esm' as const, contents: Buffer.from(bytes).toString() };
  if (/\.(?:txt|html|sql)$/.test(path))
    return { type: 'text' as const, contents: Buffer.from(bytes).toString() };
  return {
    type: path.endsWith('.wasm') ? ('wasm' as const) : ('data' as const),
    contents: Buffer.from(bytes),
  };
}
