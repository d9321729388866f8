import { bundleDigest } from '../../../servers/core/target/digest.ts';
import type { WorkerConfig, WorkerVersion } from '../../../servers/core/target/target.ts';

const config: WorkerConfig = {
  name: 'shop',
  main: 'index.js',
  compatibilityDate: '2026-01-01',
  compatibilityFlags: [],
  d1: [],
  kv: [],
  r2: [],
  queues: { producers: [], consumers: [] },
  crons: [],
  durableObjects: [],
  assets: null,
  secrets: [],
  vars: {},
};

/** A version of the product `shop`, of one module that says its name. */
export function versionOf(
  name: string,
  more: Partial<WorkerConfig> = {},
  rest: Partial<WorkerVersion> = {},
): WorkerVersion {
  const text = `export default { fetch: () => new Response('${name}') };\n`;
  const files = rest.files ?? [{ path: 'index.js', bytes: Buffer.from(text) }];
  return {
    product: 'shop',
    version: name,
    bundle: bundleDigest(files),
    config: { ...config, ...more },
    migrations: [],
    secrets: {},
    ...rest,
    files,
  };
}
