import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SigningFault } from '../../../servers/core/signing/errors.ts';
import { signWithSshKeygen } from '../../../servers/core/signing/human_key.ts';
import {
  encodePublicKey,
  fingerprint,
  formatPublicKey,
  parsePublicKey,
  toSshPublicKey,
} from '../../../servers/core/signing/ssh_key.ts';
import { signSsh, verifySsh } from '../../../servers/core/signing/sshsig.ts';
import { armored, emulatedSk, type SigParts, sshsigBlob, str, toBeSigned, unarmored } from './emulated_sk.ts';

const NAMESPACE = 'millwright-checkpoint';
const MESSAGE = 'decision: APPROVE\nsubject: 0123\n';
const { privateKey } = generateKeyPairSync('ed25519');
const publicKey = toSshPublicKey(privateKey, 'ada@mill');
const expected = { namespace: NAMESPACE, keys: [publicKey] };

let directory = '';
let sshKeyPath = '';

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millwright-sshsig-'));
  sshKeyPath = join(directory, 'id');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'by ssh-keygen', '-f', sshKeyPath]);
});
afterAll(() => rmSync(directory, { recursive: true }));

const opensshKey = () => parsePublicKey(readFileSync(`${sshKeyPath}.pub`, 'utf8'));

/** What the real ssh-keygen says of a signature: its exit code, 0 when accepted. */
async function opensshExit(
  mode: string,
  message: string,
  signature: string,
  more: string[],
): Promise<number> {
  const path = join(directory, 'checked.sig');
  writeFileSync(path, signature);
  const args = ['-Y', mode, '-n', NAMESPACE, '-s', path, ...more];
  return (await execa('ssh-keygen', args, { input: message, reject: false })).exitCode ?? -1;
}

function fault(run: () => unknown): SigningFault | 'accepted' {
  try {
    run();
  } catch (error) {
    if (error instanceof Error && 'fault' in error) return error.fault as SigningFault;
    throw error;
  }
  return 'accepted';
}
const verifyFault = (armor: string, message = MESSAGE) => fault(() => verifySsh(message, armor, expected));

describe('with the real ssh-keygen', () => {
  it('accepts our signature, and refuses it over an edited text', async () => {
    const signature = signSsh(MESSAGE, privateKey, NAMESPACE);
    const signers = join(directory, 'allowed_signers');
    writeFileSync(signers, `ada ${formatPublicKey(publicKey)}\n`);
    expect(await opensshExit('verify', MESSAGE, signature, ['-I', 'ada', '-f', signers])).toBe(0);
    expect(await opensshExit('verify', `${MESSAGE}!`, signature, ['-I', 'ada', '-f', signers])).not.toBe(0);
  });

  it.each(['sha512', 'sha256'])('makes a signature with %s that we accept', async (hash) => {
    const args = ['-q', '-Y', 'sign', '-O', `hashalg=${hash}`, '-f', sshKeyPath, '-n', NAMESPACE];
    const { stdout } = await execa('ssh-keygen', args, { input: MESSAGE });
    const signer = verifySsh(MESSAGE, `${stdout}\n`, {
      namespace: NAMESPACE,
      keys: [publicKey, opensshKey()],
    });
    expect(signer).toEqual({ key: opensshKey(), assurance: null, counter: null });
  });

  it('signs through signWithSshKeygen', async () => {
    const signature = await signWithSshKeygen(MESSAGE, sshKeyPath, NAMESPACE);
    const signer = verifySsh(MESSAGE, signature, { namespace: NAMESPACE, keys: [opensshKey()] });
    expect(signer.key.comment).toBe('by ssh-keygen');
    await expect(signWithSshKeygen(MESSAGE, join(directory, 'none'), NAMESPACE)).rejects.toMatchObject({
      fault: 'ssh-keygen',
    });
  });

  it('prints the same fingerprint and reads the same public key', async () => {
    for (const key of [publicKey, emulatedSk(privateKey).publicKey]) {
      const { stdout } = await execa('ssh-keygen', ['-l', '-f', '-'], { input: formatPublicKey(key) });
      expect(stdout.split(' ')[1]).toBe(fingerprint(key));
    }
    expect(formatPublicKey(opensshKey())).toBe(readFileSync(`${sshKeyPath}.pub`, 'utf8').trimEnd());
  });

  it('agrees that the emulated hardware key is a true one', async () => {
    const signature = emulatedSk(privateKey).signMessage(MESSAGE, NAMESPACE, 1, 7);
    expect(await opensshExit('check-novalidate', MESSAGE, signature, [])).toBe(0);
    expect(await opensshExit('check-novalidate', `${MESSAGE}!`, signature, [])).not.toBe(0);
  });
});

describe('verifySsh', () => {
  const good = signSsh(MESSAGE, privateKey, NAMESPACE);

  it('returns the key that signed, of several', () => {
    const other = toSshPublicKey(generateKeyPairSync('ed25519').publicKey);
    expect(verifySsh(MESSAGE, good, { ...expected, keys: [other, publicKey] }).key).toBe(publicKey);
    expect(verifySsh(Buffer.from(MESSAGE), good, expected).key).toBe(publicKey);
  });

  it('refuses an edited text, another namespace and another key, and says which', () => {
    expect(verifyFault(good, MESSAGE.replace('APPROVE', 'REJECT'))).toBe('bad-signature');
    expect(fault(() => verifySsh(MESSAGE, good, { ...expected, namespace: 'git' }))).toBe('wrong-namespace');
    const stranger = generateKeyPairSync('ed25519').privateKey;
    expect(verifyFault(signSsh(MESSAGE, stranger, NAMESPACE))).toBe('unknown-key');
    expect(fault(() => verifySsh(MESSAGE, good, { ...expected, keys: [] }))).toBe('unknown-key');
  });

  it('refuses a namespace rewritten in the signature', () => {
    const elsewhere = unarmored(signSsh(MESSAGE, privateKey, 'millwright-checkpoinx'));
    const at = elsewhere.indexOf('millwright-checkpoinx');
    elsewhere.write(NAMESPACE, at);
    expect(verifyFault(armored(elsewhere))).toBe('bad-signature');
  });

  it('refuses every truncation, of the armor and of what is in it', () => {
    for (let length = 0; length < good.length; length += 1) {
      expect(verifyFault(good.slice(0, length)), `${length}`).toBe('malformed');
    }
    const blob = unarmored(good);
    for (let length = 0; length < blob.length; length += 1) {
      expect(verifyFault(armored(blob.subarray(0, length))), `${length}`).toBe('malformed');
    }
  });

  it('refuses every flipped bit', () => {
    const blob = unarmored(good);
    fc.assert(
      fc.property(fc.nat(blob.length * 8 - 1), (bit) => {
        const flipped = Buffer.from(blob);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return verifyFault(armored(flipped)) !== 'accepted';
      }),
      { numRuns: 400 },
    );
  });

  it.each([
    ['a second newline', (text: string) => `${text}\n`],
    ['no newline', (text: string) => text.trimEnd()],
    ['text before', (text: string) => `x\n${text}`],
    ['carriage returns', (text: string) => text.replaceAll('\n', '\r\n')],
    ['one long line', (text: string) => armoredOnOneLine(text)],
    ['a space in the base64', (text: string) => text.replace('\nU1', '\n U1')],
    ['two signatures', (text: string) => text + text],
  ])('refuses armor with %s', (_, edit) => {
    expect(edit(good)).not.toBe(good);
    expect(verifyFault(edit(good))).toBe('malformed');
  });

  it('does not decode a text that is too long', () => {
    const long = armored(Buffer.alloc(1_000_000));
    expect(() => verifySsh(MESSAGE, long, expected)).toThrow('The signature is too long.');
  });

  /** A signature that is true for the parts as they are, so that only the rule under test can refuse it. */
  function crafted(parts: Partial<SigParts>, tail = Buffer.alloc(0)): string {
    const reserved = parts.reserved ?? '';
    const data = toBeSigned(MESSAGE, NAMESPACE, parts.hash ?? 'sha512', reserved);
    const signature = Buffer.concat([str('ssh-ed25519'), str(sign(null, data, privateKey))]);
    const base = { publicKey: encodePublicKey(publicKey), namespace: NAMESPACE, signature };
    return armored(Buffer.concat([sshsigBlob({ ...base, ...parts }), tail]));
  }
  const rawSignature = sign(null, toBeSigned(MESSAGE, NAMESPACE), privateKey);

  it.each<[string, Partial<SigParts>]>([
    ['magic', { magic: 'SSHSIX' }],
    ['version', { version: 2 }],
    ['reserved field', { reserved: 'x' }],
    ['hash', { hash: 'sha1' }],
    ['hash sha384', { hash: 'sha384' }],
    ['signature of another type', { signature: Buffer.concat([str('ssh-rsa'), str(rawSignature)]) }],
    ['short signature', { signature: Buffer.concat([str('ssh-ed25519'), str(rawSignature.subarray(1))]) }],
    [
      'bytes after the raw signature',
      { signature: Buffer.concat([str('ssh-ed25519'), str(rawSignature), str('')]) },
    ],
    ['bytes after the key', { publicKey: Buffer.concat([encodePublicKey(publicKey), str('')]) }],
    ['key of another type', { publicKey: Buffer.concat([str('ssh-rsa'), str(publicKey.point)]) }],
    ['key of 31 bytes', { publicKey: Buffer.concat([str('ssh-ed25519'), str(publicKey.point.subarray(1))]) }],
  ])('refuses a true signature with a wrong %s', (_, parts) => {
    expect(verifyFault(crafted({}))).toBe('accepted');
    expect(verifyFault(crafted(parts))).toBe('malformed');
  });

  it('refuses bytes after the signature', () => {
    expect(verifyFault(crafted({}, Buffer.from([0])))).toBe('malformed');
  });
});

describe('a hardware key', () => {
  const device = emulatedSk(privateKey);
  const keys = [publicKey, device.publicKey];
  const verify = (armor: string, known = keys) =>
    verifySsh(MESSAGE, armor, { namespace: NAMESPACE, keys: known });

  it('counts as touch when its user was present', () => {
    for (const flags of [0x01, 0x05]) {
      const signer = verify(device.signMessage(MESSAGE, NAMESPACE, flags, 41));
      expect(signer).toEqual({ key: device.publicKey, assurance: 'touch', counter: 41 });
    }
  });

  it('is refused without presence, though the signature is true', () => {
    for (const flags of [0x00, 0x04]) {
      expect(fault(() => verify(device.signMessage(MESSAGE, NAMESPACE, flags, 1)))).toBe('no-presence');
    }
  });

  it('is refused when presence or counter were set afterwards', () => {
    const blob = unarmored(device.signMessage(MESSAGE, NAMESPACE, 0, 1));
    blob.writeUInt8(1, blob.length - 5);
    expect(fault(() => verify(armored(blob)))).toBe('bad-signature');
    const counted = unarmored(device.signMessage(MESSAGE, NAMESPACE, 1, 1));
    counted.writeUInt8(2, counted.length - 1);
    expect(fault(() => verify(armored(counted)))).toBe('bad-signature');
  });

  it('is another key than the plain one of the same point, and than one of another application', () => {
    const armor = device.signMessage(MESSAGE, NAMESPACE, 1, 1);
    expect(fault(() => verify(armor, [publicKey]))).toBe('unknown-key');
    expect(fault(() => verify(armor, [emulatedSk(privateKey, 'ssh:other').publicKey]))).toBe('unknown-key');
    expect(fault(() => verify(signSsh(MESSAGE, privateKey, NAMESPACE), [device.publicKey]))).toBe(
      'unknown-key',
    );
  });

  it('made for a web site is refused', () => {
    const web = emulatedSk(privateKey, 'https://example.org');
    expect(fault(() => verify(web.signMessage(MESSAGE, NAMESPACE, 1, 1), [web.publicKey]))).toBe('malformed');
  });
});

describe('parsePublicKey', () => {
  const line = formatPublicKey(publicKey);

  it('reads what formatPublicKey writes', () => {
    for (const key of [publicKey, emulatedSk(privateKey).publicKey, { ...publicKey, comment: '' }]) {
      expect(parsePublicKey(formatPublicKey(key))).toEqual(key);
    }
  });

  it.each([
    ['', ''],
    ['two lines', `${line}\n${line}`],
    ['options before', `no-touch-required ${line}`],
    ['a terminal escape in the comment', `${line}\x1b[2J`],
    ['a bidirectional override in the comment', `${line}\u202e`],
    ['a type that is not the key’s', line.replace('ssh-ed25519', 'sk-ssh-ed25519@openssh.com')],
    ['cut base64', line.replace(/ (\S+)... ada/, ' $1 ada')],
    ['an RSA key', `ssh-rsa ${Buffer.concat([str('ssh-rsa'), str('e'), str('n')]).toString('base64')}`],
    ['extra bytes', `ssh-ed25519 ${Buffer.concat([encodePublicKey(publicKey), str('')]).toString('base64')}`],
    ['spare bits in the base64', formatPublicKey(emulatedSk(privateKey).publicKey).replace('o= ', 'p= ')],
    ['a megabyte', `${line}${'x'.repeat(1_000_000)}`],
  ])('refuses %s', (_, text) => {
    expect(text).not.toBe(formatPublicKey(emulatedSk(privateKey).publicKey));
    expect(fault(() => parsePublicKey(text))).toBe('malformed');
  });

  it('takes Ed25519 keys only', () => {
    expect(fault(() => toSshPublicKey(generateKeyPairSync('ed448').publicKey))).toBe('malformed');
  });
});

function armoredOnOneLine(text: string): string {
  const base64 = unarmored(text).toString('base64');
  return `-----BEGIN SSH SIGNATURE-----\n${base64}\n-----END SSH SIGNATURE-----\n`;
}
