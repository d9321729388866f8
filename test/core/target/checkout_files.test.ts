import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readConfigText } from '../../../servers/core/target/checkout_files.ts';
import { readWorkerConfig } from '../../../servers/core/target/worker_config.ts';

async function checkout(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'checkout-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
  return folder;
}

const TOML = `name = "shop"
main = "./src/index.ts"
compatibility_date = "2026-01-01"
[[kv_namespaces]]
binding = "SESSION_STORE"
id = "of another account"
[[queues.consumers]]
queue = "orders"
max_batch_size = 5
[triggers]
crons = ["*/5 * * * *"]
[[durable_objects.bindings]]
name = "ROOM"
class_name = "Room"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Room"]
[assets]
directory = "./public/"
`;

test('a config in TOML says the same as one in JSONC; what has only an id gets a name', async () => {
  const { config, assets } = readWorkerConfig(
    await readConfigText(await checkout({ 'wrangler.toml': TOML })),
  );
  expect(config).toMatchObject({
    main: 'src/index.ts',
    kv: [{ binding: 'SESSION_STORE', namespace: 'shop-session-store' }],
    queues: { consumers: [{ queue: 'orders', maxBatchSize: 5 }] },
    crons: ['*/5 * * * *'],
    durableObjects: [{ binding: 'ROOM', className: 'Room', sqlite: true }],
    assets: { notFound: 'none', runWorkerFirst: false },
  });
  expect(assets).toBe('public');
});

test('an environment is refused in the config and in scripts, and so are two configs', async () => {
  const withEnv = await checkout({
    'wrangler.toml': `${TOML}\n[env.production]\nname = "shop-production"\n`,
  });
  const text = await readConfigText(withEnv);
  expect(() => readWorkerConfig(text)).toThrow('"env": an environment is a second Worker');
  for (const script of [
    'wrangler deploy --env production',
    'tsc && wrangler deploy -e=prod',
    'wrangler deploy  -e prod',
  ]) {
    const folder = await checkout({
      'wrangler.toml': TOML,
      'package.json': JSON.stringify({ scripts: { ship: script } }),
    });
    await expect(readConfigText(folder)).rejects.toThrow('"ship" of package.json calls wrangler with --env');
  }
  for (const script of [
    'wrangler deploy --env ""',
    'node --env-file=.env x.js',
    'wrangler dev && echo -e hi',
  ]) {
    const folder = await checkout({
      'wrangler.toml': TOML,
      'package.json': JSON.stringify({ scripts: { ship: script } }),
    });
    expect(await readConfigText(folder)).toContain('"shop"');
  }
  await expect(
    readConfigText(await checkout({ 'wrangler.toml': TOML, 'wrangler.json': '{}' })),
  ).rejects.toThrow('exactly one');
});

test('a config that is not at the root is named by its folder; dependencies and hidden folders are not looked into', async () => {
  const folder = await checkout({});
  for (const path of ['apps/web', 'node_modules/other', '.hidden/one']) {
    await mkdir(join(folder, path), { recursive: true });
    await writeFile(join(folder, path, 'wrangler.jsonc'), '{}');
  }
  await expect(readConfigText(folder)).rejects.toThrow('There is one in apps/web: ship that folder.');
});
