import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { SigningError } from './errors.ts';
import { sshReader, sshString, strictBase64 } from './ssh_wire.ts';

const PLAIN = 'ssh-ed25519';
const HARDWARE = 'sk-ssh-ed25519@openssh.com';
const MAX_LINE = 2048;

/** An Ed25519 public key: one in a file, or one in a FIDO device (`sk-`) made for `application`. */
export type SshPublicKey = { readonly point: Buffer; readonly comment: string } & (
  | { readonly type: typeof PLAIN }
  | { readonly type: typeof HARDWARE; readonly application: string }
);

/** Reads one line of a `.pub` file: `ssh-ed25519 AAAA… comment`. Throws SigningError `malformed`. */
export function parsePublicKey(line: string): SshPublicKey {
  const text = line.replace(/\n$/, '');
  const fields = /^(\S+) (\S+)(?: (.*))?$/.exec(text);
  if (text.length > MAX_LINE || !fields || /\p{C}/u.test(text)) {
    throw new SigningError('malformed', 'A public key is one line: type, base64, comment.');
  }
  const key = decodePublicKey(strictBase64(fields[2] ?? ''), fields[3] ?? '');
  if (key.type !== fields[1])
    throw new SigningError('malformed', 'The public key is not of the type it names.');
  return key;
}

/** The line that parsePublicKey reads, without a newline. */
export function formatPublicKey(key: SshPublicKey): string {
  const line = `${key.type} ${encodePublicKey(key).toString('base64')}`;
  return key.comment === '' ? line : `${line} ${key.comment}`;
}

/** `SHA256:…`, as ssh-keygen -l prints it. It covers type, key and application, not the comment. */
export function fingerprint(key: SshPublicKey): string {
  return `SHA256:${createHash('sha256').update(encodePublicKey(key)).digest('base64').replace(/=+$/, '')}`;
}

/** The SSH form of an Ed25519 key (either half) of node:crypto. Throws SigningError `malformed` for other keys. */
export function toSshPublicKey(key: KeyObject, comment = ''): SshPublicKey {
  if (key.asymmetricKeyType !== 'ed25519')
    throw new SigningError('malformed', 'The key is not an Ed25519 key.');
  const { x = '' } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  return { type: PLAIN, point: Buffer.from(x, 'base64url'), comment };
}

/** The key for node:crypto's verify. */
export function toKeyObject(key: SshPublicKey): KeyObject {
  const x = key.point.toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

/** The wire form (RFC 8709 section 4; OpenSSH PROTOCOL.u2f). */
export function encodePublicKey(key: SshPublicKey): Buffer {
  const start = [sshString(key.type), sshString(key.point)];
  return Buffer.concat(key.type === HARDWARE ? [...start, sshString(key.application)] : start);
}

/** Reads the wire form strictly. Throws SigningError `malformed`. */
export function decodePublicKey(blob: Buffer, comment = ''): SshPublicKey {
  const reader = sshReader(blob);
  const type = reader.name();
  if (type !== PLAIN && type !== HARDWARE) {
    throw new SigningError('malformed', `Only ${PLAIN} and ${HARDWARE} keys are accepted.`);
  }
  const point = reader.string();
  if (point.length !== 32) throw new SigningError('malformed', 'An Ed25519 public key has 32 bytes.');
  const application = type === HARDWARE ? reader.name() : '';
  reader.end();
  if (type === PLAIN) return { type, point, comment };
  if (!application.startsWith('ssh:')) {
    throw new SigningError('malformed', 'A hardware key for SSH is made for an application "ssh:…".');
  }
  return { type, point, application, comment };
}
