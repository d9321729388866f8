import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readWorkerConfig } from '../../../servers/core/target/worker_config.ts';

const MINIMAL = { name: 'notes', main: 'src/index.ts', compatibility_date: '2026-01-01' };
const withKeys = (keys: object) => JSON.stringify({ ...MINIMAL, ...keys });

test('reads JSONC as data: comments, trailing commas, databases by name', async () => {
  const text = await readFile(new URL('fixture/wrangler.jsonc', import.meta.url), 'utf8');

  expect(readWorkerConfig(text)).toEqual({
    config: {
      name: 'notes',
      main: 'src/index.ts',
      compatibilityDate: '2026-01-01',
      compatibilityFlags: [],
      d1: [{ binding: 'DB', database: 'notes' }],
      kv: [],
      r2: [],
      queues: { producers: [], consumers: [] },
      crons: [],
      durableObjects: [],
      assets: null,
      secrets: [],
      vars: { GREETING: 'hello' },
    },
    assets: null,
    build: null,
    rules: [],
    migrations: [{ database: 'notes', directory: 'migrations' }],
  });
});

test.each([
  [{ env: { production: {} } }, /"env": an environment is a second Worker/],
  [{ build: { command: 'make', upload: {} } }, /at build: Unrecognized key/],
  [{ pages_build_output_dir: 'dist' }, /"pages_build_output_dir": a Pages project is no Worker/],
  [{ account_id: 'abc' }, /"account_id"/],
  [{ routes: ['example.com/*'] }, /"routes"/],
  [{ workers_dev: false }, /at workers_dev: the target gives the Worker its address/],
  [{ preview_urls: false }, /at preview_urls/],
  [
    { rules: [{ type: 'Text', globs: ['**/*.md', 'data/*'] }] },
    /at rules\.0\.globs\.1: end it in what the names end in/,
  ],
  [
    { rules: [{ type: 'Text', globs: ['**/*.ts'] }] },
    /at rules\.0\.globs\.0: end it in what the names end in/,
  ],
  [
    {
      rules: [
        { type: 'Text', globs: ['**/*.md'] },
        { type: 'Data', globs: ['a.md'] },
      ],
    },
    /at rules: two rules are for the same end of names/,
  ],
  [{ rules: [{ type: 'ESModule', globs: ['**/*.js'] }] }, /at rules\.0\.type: only rules of Text/],
  [{ no_bundle: true }, /"no_bundle"/],
  [{ vectorize: [] }, /"vectorize", which would change what is deployed/],
  [{ toString: 1 }, /"toString", which would change what is deployed/],
])('refuses %j by the name of its key', (keys, message) => {
  expect(() => readWorkerConfig(withKeys(keys))).toThrow(message);
});

test('takes what every target does anyway: its address; and modules that are no code, each type by the ends of names', () => {
  const rules = [
    { type: 'Text', globs: ['**/*.html', '**/*.sql'], fallthrough: true },
    { type: 'CompiledWasm', globs: ['**/*.wasm', '**/*.wasm?module'] },
  ];
  const plain = readWorkerConfig(withKeys({}));
  expect(readWorkerConfig(withKeys({ workers_dev: true, preview_urls: true }))).toEqual(plain);
  const modules = { html: 'Text', sql: 'Text', wasm: 'CompiledWasm' };
  expect(readWorkerConfig(withKeys({ rules }))).toEqual({
    ...plain,
    rules,
    config: { ...plain.config, modules },
  });
});

test.each([
  [{ name: '; rm -rf /' }, 'wrong at name'],
  [{ main: '../outside.ts' }, 'wrong at main'],
  [{ main: '/etc/passwd.js' }, 'wrong at main'],
  [{ main: 'src/index.ts --env=x' }, 'wrong at main'],
  [{ compatibility_date: 'today' }, 'wrong at compatibility_date'],
  [{ vars: { KEY: { nested: 1 } } }, 'wrong at vars.KEY'],
  [{ d1_databases: [{ binding: 'DB', database_name: 'a', remote: true }] }, 'wrong at d1_databases.0'],
  [{ d1_databases: [{ binding: 'DB', database_name: 'a', migrations_dir: '../../x' }] }, 'migrations_dir'],
  [{ d1_databases: [{ binding: 'DB', database_name: 'a' }], vars: { DB: 'x' } }, 'binds one name twice'],
])('refuses %j and says where', (keys, message) => {
  expect(() => readWorkerConfig(withKeys(keys))).toThrow(message);
});

test.each(['', 'null', '[]', '{"name": "a"', `{\n"name": }`, 'x'.repeat(200_000)])(
  'refuses %.20j',
  (text) => {
    expect(() => readWorkerConfig(text)).toThrow('The Worker config is');
  },
);
