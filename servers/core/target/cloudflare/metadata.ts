import { ASSET_RULES, ASSETS } from '../digest.ts';
import type { BundleFile, WorkerConfig, WorkerVersion } from '../target.ts';
import { tagOf } from '../upload_checks.ts';
import { missingResource } from './missing.ts';

/** The ids that bindings are made of, by the name of the resource. */
export interface ResourceIds {
  d1: ReadonlyMap<string, string>;
  kv: ReadonlyMap<string, string>;
}

/**
 * The configuration of a version as the server generates it, the secrets within it. It inherits nothing from the
 * version before: what is not named here, the version does not have. Throws CONFLICT for a resource that is not there.
 */
export function metadataOf(version: WorkerVersion, ids: ResourceIds, assets: string | null): object {
  const { config, secrets, files } = version;
  return {
    main_module: config.main,
    compatibility_date: config.compatibilityDate,
    compatibility_flags: config.compatibilityFlags,
    bindings: [...bindingsOf(config, ids), ...secretsOf(secrets)],
    keep_bindings: [],
    annotations: {
      'workers/tag': tagOf(version),
      'workers/message': `Millwright ${version.version} of ${version.product}`.slice(0, 100),
    },
    ...(config.assets && {
      assets: {
        jwt: assets,
        config: {
          not_found_handling: config.assets.notFound,
          run_worker_first: config.assets.runWorkerFirst,
          ...rulesOf(files),
        },
      },
    }),
  };
}

/** The texts of `_headers` and `_redirects`, as Cloudflare takes them: it reads them itself. */
const rulesOf = (files: readonly BundleFile[]) =>
  Object.fromEntries(
    ASSET_RULES.flatMap((name) => {
      const file = files.find(({ path }) => path === `${ASSETS}${name}`);
      return file ? [[name, Buffer.from(file.bytes).toString()]] : [];
    }),
  );

function bindingsOf(config: WorkerConfig, ids: ResourceIds): object[] {
  return [
    ...config.d1.map(({ binding, database }) => ({
      type: 'd1',
      name: binding,
      id: idOf(ids.d1, 'D1 database', database),
    })),
    ...config.kv.map(({ binding, namespace }) => ({
      type: 'kv_namespace',
      name: binding,
      namespace_id: idOf(ids.kv, 'KV namespace', namespace),
    })),
    ...config.r2.map(({ binding, bucket }) => ({ type: 'r2_bucket', name: binding, bucket_name: bucket })),
    ...config.queues.producers.map(({ binding, queue }) => ({
      type: 'queue',
      name: binding,
      queue_name: queue,
    })),
    ...config.durableObjects.map(({ binding, className }) => ({
      type: 'durable_object_namespace',
      name: binding,
      class_name: className,
    })),
    ...(config.assets?.binding ? [{ type: 'assets', name: config.assets.binding }] : []),
    ...Object.entries(config.vars).map(([name, text]) => ({ type: 'plain_text', name, text })),
  ];
}

const secretsOf = (secrets: Readonly<Record<string, string>>) =>
  Object.entries(secrets).map(([name, text]) => ({ type: 'secret_text', name, text }));

function idOf(ids: ReadonlyMap<string, string>, kind: string, name: string): string {
  const id = ids.get(name);
  if (id !== undefined) return id;
  throw missingResource(kind, name);
}
