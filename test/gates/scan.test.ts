import { expect, test } from 'vitest';
import { pinFaults } from '../../servers/core/sources/pins.ts';
import { secretsAdded } from '../../servers/core/sources/secrets.ts';
import { gateSite, worker } from './site.ts';

type Gates = { gates: { gate: string; closed: boolean; why: string }[] };

test('a credential and a loose version in a change leave the gate open, and the log does not repeat the credential', async () => {
  const site = await gateSite();
  const developer = await worker(site, 'developer');
  const key = `AKIA${'Q7'.repeat(8)}`;
  await site.submit(developer, {
    'src/add.js': `export const add = (a, b) => a + b; // ${key}\n`,
    'package.json': JSON.stringify({ name: 'product', type: 'module', dependencies: { hono: '^4.0.0' } }),
  });

  const { gates } = await developer.ok<Gates>('gate_run', { gates: ['scan'] });
  const status = await developer.call('gate_status', { gate: 'scan' });

  expect(gates[0]).toMatchObject({ closed: false, why: 'found 3: src/add.js:1: AWS access key' });
  expect(status.text).toContain('asks for \\"^4.0.0\\", which is no exact version');
  expect(status.text).toContain('package.json has no lockfile');
  expect(status.text).not.toContain(key);
});

const join = (...parts: string[]) => parts.join('');
test.each([
  ['private key', join('-----BEGIN OPENSSH ', 'PRIVATE KEY-----')],
  ['GitHub token', join('ghp', '_', 'a1B2'.repeat(9))],
  ['Stripe key', join('sk_', 'live_', 'a1B2'.repeat(6))],
  ['Slack token', join('xox', 'b-', '1234567890-abcdefghijkl')],
  ['Google API key', join('AI', 'za', 'x'.repeat(35))],
  ['Anthropic key', join('sk-', 'ant-api03-', 'a1B2'.repeat(10))],
  ['npm token', join('npm', '_', 'a1B2'.repeat(9))],
  ['Millwright credential', join('mw', '_', 'a'.repeat(43))],
  ['password in a URL', join('postgres://app:', 'hunter2hunter2', '@db.example.com/app')],
])('knows a %s, also at the end of a very long line', (what, secret) => {
  const text = Buffer.from(`const x = "${secret}";\n`);
  const long = Buffer.from(`${'x,'.repeat(50_000)}"${secret}"`);

  expect(secretsAdded('a.js', undefined, text)).toContainEqual({ line: 1, what });
  expect(secretsAdded('a.js', undefined, long)).toContainEqual({ line: 1, what });
  expect(secretsAdded('a.js', text, text)).toEqual([]);
});

test('is silent on prose, hashes, examples and placeholders', () => {
  const quiet = [
    'sha512-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789==',
    'AKIAIOSFODNN7EXAMPLE',
    `postgres://app:\${PASSWORD}@db.example.com`,
    'https://example.com:8080/path@2x.png',
    'the task-sk-list and risk-management',
    '0123456789abcdef'.repeat(4),
  ].join('\n');

  expect(secretsAdded('a.md', undefined, Buffer.from(quiet))).toEqual([]);
  expect(secretsAdded('.env', undefined, Buffer.from('A=1'))).toEqual([{ line: 1, what: 'file of secrets' }]);
  expect(secretsAdded('.env.example', undefined, Buffer.from('A='))).toEqual([]);
});

const manifest = (dependencies: Record<string, string>) => JSON.stringify({ name: 'p', dependencies });
const lock = (wanted: Record<string, string>, locked: Record<string, object>) =>
  JSON.stringify({ lockfileVersion: 3, packages: { '': { dependencies: wanted }, ...locked } });
const HONO = { version: '4.13.19', integrity: 'sha512-x', resolved: 'https://registry.example/hono.tgz' };
const PINNED = { hono: '4.13.19' };

function faults(now: Record<string, string>, before: Record<string, string> = {}) {
  const changed = Object.keys(now).filter((path) => now[path] !== before[path]);
  return pinFaults(
    changed,
    (path) => now[path],
    (path) => before[path],
  );
}

test.each<[string, Record<string, string>, string[]]>([
  [
    'a lockfile that asks for something else',
    {
      'package.json': manifest(PINNED),
      'package-lock.json': lock({ hono: '4.0.0' }, { 'node_modules/hono': HONO }),
    },
    ['package-lock.json is not in step with package.json'],
  ],
  [
    'another version behind the pin',
    {
      'package.json': manifest(PINNED),
      'package-lock.json': lock(PINNED, { 'node_modules/hono': { ...HONO, version: '4.0.0' } }),
    },
    ['package-lock.json does not lock hono at 4.13.19'],
  ],
  [
    'a package locked without a digest, also one that nobody asked for',
    {
      'package.json': manifest(PINNED),
      'package-lock.json': lock(PINNED, {
        'node_modules/hono': HONO,
        'node_modules/evil': { version: '1.0.0', resolved: 'git+ssh://git@example.com/evil.git' },
      }),
    },
    ['package-lock.json locks node_modules/evil without a digest'],
  ],
  [
    'a git dependency in a folder of its own, without a lockfile',
    { 'packages/a/package.json': manifest({ evil: 'github:evil/evil' }) },
    [
      'packages/a/package.json: dependencies evil asks for "github:evil/evil", which is no exact version',
      'packages/a/package.json has no lockfile',
    ],
  ],
  ['no JSON', { 'package.json': '{' }, ['package.json or its lockfile is not JSON']],
])('pins: %s', (_what, files, expected) => {
  expect(faults(files)).toEqual(expected);
});

test('pins: quiet when all is exact and locked, and about dependencies that did not change', () => {
  const good = {
    'package.json': manifest(PINNED),
    'package-lock.json': lock(PINNED, { 'node_modules/hono': HONO }),
  };
  const loose = { 'package.json': manifest({ old: '^1.0.0' }) };

  expect(faults(good)).toEqual([]);
  expect(faults({ 'package.json': loose['package.json'].replace('"p"', '"q"') }, loose)).toEqual([]);
});
