import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CHECKPOINT_NAMESPACE } from '../../../servers/core/signing/checkpoint_text.ts';
import { createHumanKey, openHumanKey } from '../../../servers/core/signing/human_key.ts';
import type { SshPublicKey } from '../../../servers/core/signing/ssh_key.ts';
import { signSsh, verifySsh } from '../../../servers/core/signing/sshsig.ts';

const PASSPHRASE = 'wheat, rye and spélt';
let directory = '';
let path = '';
let publicKey: SshPublicKey;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millwright-human-key-'));
  path = join(directory, 'ada.pem');
  publicKey = await createHumanKey(path, PASSPHRASE);
});
afterAll(() => rmSync(directory, { recursive: true }));

function copy(name: string, text: string): string {
  const target = join(directory, name);
  writeFileSync(target, text, { mode: 0o600 });
  return target;
}

it('opens with its passphrase and signs for the public half that createHumanKey returned', async () => {
  const privateKey = await openHumanKey(path, PASSPHRASE);
  const signature = signSsh('yes', privateKey, CHECKPOINT_NAMESPACE);
  const expected = { namespace: CHECKPOINT_NAMESPACE, keys: [publicKey] };
  expect(verifySsh('yes', signature, expected)).toEqual({ key: publicKey, assurance: null, counter: null });
  await expect(openHumanKey(path, PASSPHRASE.normalize('NFD'))).resolves.toBeDefined();
});

it('refuses another passphrase, without repeating it', async () => {
  for (const wrong of ['', 'wheat, rye and spelt', `${PASSPHRASE} `]) {
    const error = await openHumanKey(path, wrong).catch((reason: Error) => reason);
    expect(error).toMatchObject({ fault: 'wrong-passphrase' });
    if (wrong !== '') expect(String(error)).not.toContain(wrong);
  }
});

it('is encrypted with scrypt and mode 0600, and leaves nothing beside it', () => {
  expect(statSync(path).mode & 0o7777).toBe(0o600);
  expect(readdirSync(directory)).toContain('ada.pem');
  expect(readdirSync(directory).filter((name) => name.includes('draft'))).toEqual([]);
  const der = Buffer.from(readFileSync(path, 'utf8').replace(/-----.*-----/g, ''), 'base64').toString('hex');
  expect(der).toContain('06092b06010401da47040b'); // scrypt
  expect(der).toContain('02024000020108020105'); // N 16384, r 8, p 5
  expect(der).toContain('060960864801650304012a'); // aes-256-cbc
});

it('never writes over a file', async () => {
  const before = readFileSync(path, 'utf8');
  await expect(createHumanKey(path, PASSPHRASE)).rejects.toMatchObject({ fault: 'file-exists' });
  expect(readFileSync(path, 'utf8')).toBe(before);
});

it.each(['', 'short', '12345678901', '€'.repeat(200)])(
  'refuses to make a key under %j',
  async (passphrase) => {
    const target = join(directory, 'weak.pem');
    await expect(createHumanKey(target, passphrase)).rejects.toMatchObject({ fault: 'weak-passphrase' });
    expect(readdirSync(directory)).not.toContain('weak.pem');
  },
);

it('refuses a key without a passphrase, of another kind, or open to others', async () => {
  const plain = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await expect(openHumanKey(copy('plain.pem', plain), PASSPHRASE)).rejects.toMatchObject({
    fault: 'malformed',
  });
  const ed448 = generateKeyPairSync('ed448').privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: PASSPHRASE,
  });
  const other = copy('ed448.pem', ed448.toString());
  await expect(openHumanKey(other, PASSPHRASE)).rejects.toMatchObject({ fault: 'malformed' });
  const loose = copy('loose.pem', readFileSync(path, 'utf8'));
  chmodSync(loose, 0o644);
  await expect(openHumanKey(loose, PASSPHRASE)).rejects.toMatchObject({ fault: 'unsafe-file' });
});
