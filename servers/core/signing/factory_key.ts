import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SigningError } from './errors.ts';
import { createPrivateFile, isErrno, readPrivateFile } from './private_file.ts';
import { fingerprint, type SshPublicKey, toSshPublicKey } from './ssh_key.ts';

const FILE_NAME = 'factory_key.pem';
const MAX_BYTES = 4096;

/** `keyId` is the fingerprint of `publicKey`: `SHA256:…`. */
export type FactoryKey = {
  readonly privateKey: KeyObject;
  readonly publicKey: SshPublicKey;
  readonly keyId: string;
};

/** Where the key lies in `directory`, whether or not it has been made. */
export const factoryKeyFile = (directory: string): string => join(directory, FILE_NAME);

/**
 * The factory's own Ed25519 key, kept as `factory_key.pem` (PKCS#8, mode 0600) in `directory`.
 *
 * The first call creates it (and the directory, mode 0700); of any number of processes that start at once, all
 * get the same key. Throws SigningError `unsafe-file` when others could read the key or put another in its place,
 * and `malformed` when the file holds no Ed25519 key; a damaged key is never replaced.
 */
export async function openFactoryKey(directory: string): Promise<FactoryKey> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await refuseOpenDirectory(directory);
  const path = factoryKeyFile(directory);
  const pem = (await readIfPresent(path)) ?? (await createThenRead(path));
  const privateKey = parsePrivateKey(pem, path);
  const publicKey = toSshPublicKey(privateKey, 'millwright-factory');
  return { privateKey, publicKey, keyId: fingerprint(publicKey) };
}

async function refuseOpenDirectory(directory: string): Promise<void> {
  const { mode, uid } = await stat(directory);
  if (uid !== process.geteuid?.()) {
    throw new SigningError(
      'unsafe-file',
      `The factory's key directory ${directory} belongs to another user.`,
    );
  }
  if ((mode & 0o022) !== 0) {
    const why = `lets other users replace the factory's key; run chmod go-w on it`;
    throw new SigningError('unsafe-file', `The directory ${directory} ${why}.`);
  }
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readPrivateFile(path, MAX_BYTES);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function createThenRead(path: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ed25519');
  await createPrivateFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  // Read back even after success: another process may have been first.
  return readPrivateFile(path, MAX_BYTES);
}

function parsePrivateKey(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new SigningError('malformed', `The file ${path} holds no private key that can be read.`, cause);
  }
}
