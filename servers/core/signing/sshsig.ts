import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import { SigningError } from './errors.ts';
import {
  decodePublicKey,
  encodePublicKey,
  fingerprint,
  type SshPublicKey,
  toKeyObject,
  toSshPublicKey,
} from './ssh_key.ts';
import { sshReader, sshString, sshUint32, strictBase64 } from './ssh_wire.ts';

export { fingerprint, formatPublicKey, parsePublicKey, type SshPublicKey } from './ssh_key.ts';

const MAGIC = 'SSHSIG';
const VERSION = 1;
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
const LINE_LENGTH = 70;
const MAX_ARMOR = 4096;
const USER_PRESENT = 0x01;

/**
 * Who signed, and what the signature itself proves about it: `touch` when a hardware key attests that its user
 * was present, else null (what stands behind a key in a file is known where the key was enrolled, not here).
 * `counter` is the hardware key's count of signatures, which may be always 0.
 */
export type SshSigner = {
  readonly key: SshPublicKey;
  readonly assurance: 'touch' | null;
  readonly counter: number | null;
};

/**
 * Signs `message` for `namespace` with an Ed25519 private key; what `ssh-keygen -Y verify` accepts.
 * Source: OpenSSH PROTOCOL.sshsig. Throws SigningError `malformed` for another kind of key or a bad namespace.
 */
export function signSsh(message: Uint8Array | string, privateKey: KeyObject, namespace: string): string {
  const publicKey = toSshPublicKey(privateKey);
  const signature = sign(null, signedData(message, namespace, 'sha512'), privateKey);
  return armor(
    Buffer.concat([
      Buffer.from(MAGIC),
      sshUint32(VERSION),
      sshString(encodePublicKey(publicKey)),
      sshString(namespace),
      sshString(''),
      sshString('sha512'),
      sshString(Buffer.concat([sshString(publicKey.type), sshString(signature)])),
    ]),
  );
}

/**
 * Returns which of `keys` signed exactly `message` for exactly `namespace`.
 *
 * Guarantees: the armor has one spelling only, every length is exact, the hash is SHA-512 or SHA-256, and a
 * hardware key's user was present. Source: OpenSSH PROTOCOL.sshsig and PROTOCOL.u2f. Throws SigningError:
 * `malformed`, `wrong-namespace`, `unknown-key`, `no-presence` or `bad-signature`.
 */
export function verifySsh(
  message: Uint8Array | string,
  armored: string,
  expected: { readonly namespace: string; readonly keys: readonly SshPublicKey[] },
): SshSigner {
  const parts = parse(unarmor(armored));
  if (parts.namespace !== expected.namespace) {
    throw new SigningError('wrong-namespace', `The signature is not one for "${expected.namespace}".`);
  }
  const key = expected.keys.find((known) => encodePublicKey(known).equals(encodePublicKey(parts.key)));
  if (!key)
    throw new SigningError('unknown-key', `The key ${fingerprint(parts.key)} is not one of those known.`);

  const { signature, device } = parseSignature(parts.signature, key);
  if (device && (device.flags & USER_PRESENT) === 0) {
    throw new SigningError('no-presence', 'The hardware key does not attest that its user was present.');
  }
  const data = signedData(message, parts.namespace, parts.hash);
  if (!verify(null, device ? deviceData(device, data) : data, toKeyObject(key), signature)) {
    throw new SigningError('bad-signature', 'The signature does not fit the text: one of them was changed.');
  }
  return { key, assurance: device ? 'touch' : null, counter: device ? device.counter : null };
}

type Hash = 'sha256' | 'sha512';

function signedData(message: Uint8Array | string, namespace: string, hash: Hash): Buffer {
  if (!/^[\x21-\x7e]{1,64}$/.test(namespace)) {
    throw new SigningError('malformed', 'A namespace is 1 to 64 printable ASCII characters without spaces.');
  }
  const digest = createHash(hash).update(message).digest();
  return Buffer.concat([
    Buffer.from(MAGIC),
    sshString(namespace),
    sshString(''),
    sshString(hash),
    sshString(digest),
  ]);
}

/** What a FIDO device says beside its signature. */
type Device = { readonly application: string; readonly flags: number; readonly counter: number };

/** What a FIDO device signs instead of the data itself (PROTOCOL.u2f, "SSH U2F signatures"). */
function deviceData(device: Device, data: Buffer): Buffer {
  const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest();
  const state = [Buffer.from([device.flags]), sshUint32(device.counter)];
  return Buffer.concat([sha256(device.application), ...state, sha256(data)]);
}

function parse(blob: Buffer): { key: SshPublicKey; namespace: string; hash: Hash; signature: Buffer } {
  const reader = sshReader(blob);
  if (reader.bytes(MAGIC.length).toString('latin1') !== MAGIC || reader.uint32() !== VERSION) {
    throw new SigningError('malformed', 'This is not an SSH signature of version 1.');
  }
  const key = decodePublicKey(reader.string());
  const namespace = reader.name();
  if (reader.string().length !== 0) throw new SigningError('malformed', 'The reserved field is not empty.');
  const hash = reader.name();
  if (hash !== 'sha256' && hash !== 'sha512') {
    throw new SigningError('malformed', 'The hash of an SSH signature is sha512 or sha256.');
  }
  const signature = reader.string();
  reader.end();
  return { key, namespace, hash, signature };
}

function parseSignature(blob: Buffer, key: SshPublicKey): { signature: Buffer; device: Device | null } {
  const reader = sshReader(blob);
  if (reader.name() !== key.type) throw new SigningError('malformed', 'Signature and key differ in type.');
  const signature = reader.string();
  if (signature.length !== 64) throw new SigningError('malformed', 'An Ed25519 signature has 64 bytes.');
  const device =
    key.type === 'ssh-ed25519'
      ? null
      : { application: key.application, flags: reader.byte(), counter: reader.uint32() };
  reader.end();
  return { signature, device };
}

function armor(blob: Buffer): string {
  const base64 = blob.toString('base64');
  const lines: string[] = [];
  for (let at = 0; at < base64.length; at += LINE_LENGTH) lines.push(base64.slice(at, at + LINE_LENGTH));
  return `${[BEGIN, ...lines, END].join('\n')}\n`;
}

/** Undoes armor; a text that armor would not have written, byte for byte, is refused. */
function unarmor(text: string): Buffer {
  if (text.length > MAX_ARMOR) throw new SigningError('malformed', 'The signature is too long.');
  const blob = strictBase64(text.replace(BEGIN, '').replace(END, '').replaceAll('\n', ''));
  if (armor(blob) !== text) throw new SigningError('malformed', 'The signature is not in SSH armor.');
  return blob;
}
