import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFactoryKey } from '../../../servers/core/signing/factory_key.ts';
import { readPrivateFile } from '../../../servers/core/signing/private_file.ts';
import { fingerprint, formatPublicKey } from '../../../servers/core/signing/ssh_key.ts';
import { signSsh, verifySsh } from '../../../servers/core/signing/sshsig.ts';

const MODULES = join(import.meta.dirname, '../../../servers/core/signing');
const moduleUrl = (name: string) => pathToFileURL(join(MODULES, name)).href;

let directory = '';
let path = '';
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'millwright-factory-key-')), 'keys');
  path = join(directory, 'factory_key.pem');
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true }));

it('creates the key once, closed to others, and opens the same one again', async () => {
  const first = await openFactoryKey(directory);
  const second = await openFactoryKey(directory);
  expect(second.keyId).toBe(first.keyId);
  expect(first.keyId).toBe(fingerprint(first.publicKey));
  expect(formatPublicKey(first.publicKey)).toMatch(/^ssh-ed25519 AAAA\S+ millwright-factory$/);
  expect(statSync(path).mode & 0o7777).toBe(0o600);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(readdirSync(directory)).toEqual(['factory_key.pem']);

  const head = signSsh('head 7', first.privateKey, 'millwright-record');
  const expected = { namespace: 'millwright-record', keys: [second.publicKey] };
  expect(verifySsh('head 7', head, expected).key).toBe(second.publicKey);
});

it('gives one key to processes that start at once', async () => {
  const code = `
    import { openFactoryKey } from ${JSON.stringify(moduleUrl('factory_key.ts'))};
    process.stdout.write('ready\\n');
    process.stdin.once('data', async () => {
      const keys = await Promise.all([1, 2, 3].map(() => openFactoryKey(process.argv[1])));
      process.stdout.write(keys.map((key) => key.keyId).join('\\n') + '\\n');
      process.exit(0);
    });`;
  const args = ['--input-type=module', '-e', code, '--', directory];
  const children = Array.from({ length: 6 }, () => execa(process.execPath, args, { timeout: 20_000 }));
  await Promise.all(children.map((child) => new Promise((resolve) => child.stdout.once('data', resolve))));
  for (const child of children) child.stdin.end('go\n');

  const outputs = await Promise.all(children);
  const ids = outputs.flatMap(({ stdout }) =>
    stdout.split('\n').filter((line) => line.startsWith('SHA256:')),
  );
  expect(ids).toHaveLength(18);
  expect(new Set(ids)).toEqual(new Set([(await openFactoryKey(directory)).keyId]));
  expect(readdirSync(directory)).toEqual(['factory_key.pem']);
});

it.each([0o640, 0o604, 0o620, 0o666])(
  'refuses a key file of mode %o, in a sentence that names it',
  async (mode) => {
    await openFactoryKey(directory);
    chmodSync(path, mode);
    const message = expect.stringMatching(
      `factory_key.pem is open to other users \\(mode 0${mode.toString(8)}\\)`,
    );
    await expect(openFactoryKey(directory)).rejects.toMatchObject({ fault: 'unsafe-file', message });
  },
);

it('refuses a directory in which others can replace the key', async () => {
  await openFactoryKey(directory);
  chmodSync(directory, 0o770);
  const message = expect.stringContaining('chmod go-w');
  await expect(openFactoryKey(directory)).rejects.toMatchObject({ fault: 'unsafe-file', message });
});

it('refuses a symbolic link, a named pipe and a directory in place of the key', async () => {
  await openFactoryKey(directory);
  const aside = join(directory, 'aside');
  renameSync(path, aside);
  symlinkSync(aside, path);
  await expect(openFactoryKey(directory)).rejects.toMatchObject({ fault: 'unsafe-file' });
  rmSync(path);
  await execa('mkfifo', ['-m', '600', '--', path]);
  await expect(openFactoryKey(directory)).rejects.toMatchObject({ fault: 'unsafe-file' });
  rmSync(path);
  mkdirSync(path, { mode: 0o700 });
  await expect(openFactoryKey(directory)).rejects.toMatchObject({ fault: 'unsafe-file' });
});

it('refuses a file of another user', async () => {
  const isRoot = process.geteuid?.() === 0;
  const foreign = isRoot ? join(directory, '..', 'foreign') : '/etc/passwd';
  if (isRoot) {
    writeFileSync(foreign, '', { mode: 0o600 });
    chownSync(foreign, 65_534, 65_534);
  }
  const message = expect.stringContaining('belongs to another user');
  await expect(readPrivateFile(foreign, 1_000_000)).rejects.toMatchObject({ fault: 'unsafe-file', message });
});

it('never replaces a damaged, empty or foreign key', async () => {
  await openFactoryKey(directory);
  const ed448 = generateKeyPairSync('ed448').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  for (const text of ['', readFileSync(path, 'utf8').slice(0, 60), ed448]) {
    writeFileSync(path, text);
    await expect(openFactoryKey(directory)).rejects.toMatchObject({ fault: 'malformed' });
    expect(readFileSync(path, 'utf8')).toBe(text);
  }
  writeFileSync(path, 'x'.repeat(100_000));
  await expect(openFactoryKey(directory)).rejects.toMatchObject({ fault: 'unsafe-file' });
});
