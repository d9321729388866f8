import { createHash, type KeyObject, sign } from 'node:crypto';
import type { SshPublicKey } from '../../../servers/core/signing/ssh_key.ts';
import { toSshPublicKey } from '../../../servers/core/signing/ssh_key.ts';

/** RFC 4251 string, written here again so that the vectors don't stand on the code under test. */
export function str(data: Uint8Array | string): Buffer {
  const bytes = Buffer.from(data);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export function armored(blob: Buffer): string {
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`;
}

export function unarmored(text: string): Buffer {
  return Buffer.from(text.replace(/-----.*-----/g, ''), 'base64');
}

export type SigParts = {
  magic?: string;
  version?: number;
  publicKey: Buffer;
  namespace: string;
  reserved?: string;
  hash?: string;
  signature: Buffer;
};

export function sshsigBlob(parts: SigParts): Buffer {
  const version = Buffer.alloc(4);
  version.writeUInt32BE(parts.version ?? 1);
  const head = Buffer.concat([Buffer.from(parts.magic ?? 'SSHSIG'), version, str(parts.publicKey)]);
  const names = [str(parts.namespace), str(parts.reserved ?? ''), str(parts.hash ?? 'sha512')];
  return Buffer.concat([head, ...names, str(parts.signature)]);
}

/** What is signed for `message`, with any hash that node knows, `reserved` included. */
export function toBeSigned(message: string, namespace: string, hash = 'sha512', reserved = ''): Buffer {
  const digest = createHash(hash).update(message).digest();
  return Buffer.concat([Buffer.from('SSHSIG'), str(namespace), str(reserved), str(hash), str(digest)]);
}

/** A FIDO device in software: an Ed25519 key that signs the way PROTOCOL.u2f says, with any flags. */
export function emulatedSk(privateKey: KeyObject, application = 'ssh:') {
  const { point } = toSshPublicKey(privateKey);
  const type = 'sk-ssh-ed25519@openssh.com' as const;
  const publicKey: SshPublicKey = { type, point, application, comment: 'emulated' };
  const blob = Buffer.concat([str(type), str(point), str(application)]);

  function signMessage(message: string, namespace: string, flags: number, counter: number): string {
    const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest();
    const state = Buffer.alloc(5);
    state.writeUInt8(flags);
    state.writeUInt32BE(counter, 1);
    const covered = Buffer.concat([sha256(application), state, sha256(toBeSigned(message, namespace))]);
    const signature = Buffer.concat([str(type), str(sign(null, covered, privateKey)), state]);
    return armored(sshsigBlob({ publicKey: blob, namespace, signature }));
  }
  return { publicKey, signMessage };
}
