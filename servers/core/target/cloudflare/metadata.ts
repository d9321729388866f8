import { ToolError } from '../../errors.ts';
import { sha256Hex } from '../../signing/canonical.ts';
import type { WorkerConfig, WorkerVersion } from '../target.ts';
import { missingResource } from './missing.ts';

/** The ids that bindings are made of, by the name of the resource. */
export interface ResourceIds {
  d1: ReadonlyMap<string, string>;
  kv: ReadonlyMap<string, string>;
}

/**
 * By what a version is known at Cloudflare: 24 hex digits over its name and its bundle, so that an upload whose
 * answer was lost is found again and no other is taken for it. Short enough for a tag.
 */
export const tagOf = ({ product, version, bundle }: Pick<WorkerVersion, 'product' | 'version' | 'bundle'>) =>
  sha256Hex(`${product} ${version} ${bundle}`).slice(0, 24);

/**
 * The configuration of a version as the server generates it, the secrets within it. It inherits nothing from the
 * version before: what is not named here, the version does not have. Throws CONFLICT for a resource that is not there.
 */
export function metadataOf(version: WorkerVersion, ids: ResourceIds, assets: string | null): object {
  const { config, secrets } = version;
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
        },
      },
    }),
  };
}

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

/**
 * Throws GATE_CLOSED with rule `release.secret` unless every secret that the configuration names has a value that is
 * not empty, and no other is given.
 */
export function checkSecrets({ config, secrets }: Pick<WorkerVersion, 'config' | 'secrets'>): void {
  const missing = config.secrets.filter((name) => !Object.hasOwn(secrets, name) || secrets[name] === '');
  const foreign = Object.keys(secrets).filter((name) => !config.secrets.includes(name));
  if (missing.length === 0 && foreign.length === 0) return;
  const what =
    missing.length > 0 ? `has no value for ${missing.join(', ')}` : `does not ask for ${foreign.join(', ')}`;
  throw new ToolError(
    'GATE_CLOSED',
    `The Worker ${config.name} ${what}.`,
    'Say so in task_block; a human gives secrets their values with `millwright secret set`.',
    { rule: 'release.secret' },
  );
}

function idOf(ids: ReadonlyMap<string, string>, kind: string, name: string): string {
  const id = ids.get(name);
  if (id !== undefined) return id;
  throw missingResource(kind, name);
}
