import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { SigningError } from './errors.ts';
import { encryptedPkcs8 } from './pkcs8.ts';
import { createPrivateFile, readPrivateFile } from './private_file.ts';
import { type SshPublicKey, toSshPublicKey } from './ssh_key.ts';

const MIN_PASSPHRASE = 12;
const MAX_PASSPHRASE_BYTES = 512;
const MAX_KEY_BYTES = 4096;
const MAX_SIGNATURE_BYTES = 4096;
const SIGN_TIMEOUT_MS = 120_000;

/**
 * Creates a person's Ed25519 key at `path`: encrypted PKCS#8, mode 0600, never over an existing file.
 *
 * The passphrase (12 characters or more) is stretched with scrypt, N = 16384, r = 8, p = 5. Returns the public
 * half. Throws SigningError `weak-passphrase` or `file-exists`.
 */
export async function createHumanKey(path: string, passphrase: string): Promise<SshPublicKey> {
  const secret = passphrase.normalize('NFC');
  if ([...secret].length < MIN_PASSPHRASE || Buffer.byteLength(secret) > MAX_PASSPHRASE_BYTES) {
    const limits = `${MIN_PASSPHRASE} characters or more, and at most ${MAX_PASSPHRASE_BYTES} bytes`;
    throw new SigningError('weak-passphrase', `The passphrase must have ${limits}.`);
  }
  const { privateKey } = generateKeyPairSync('ed25519');
  if (!(await createPrivateFile(path, encryptedPkcs8(privateKey, secret)))) {
    throw new SigningError('file-exists', `The file ${path} exists; a key is never written over.`);
  }
  return toSshPublicKey(privateKey);
}

/**
 * Opens a key of createHumanKey. Throws SigningError `unsafe-file` (mode, owner, link), `malformed` (not an
 * encrypted Ed25519 key: one without a passphrase is refused) or `wrong-passphrase`.
 */
export async function openHumanKey(path: string, passphrase: string): Promise<KeyObject> {
  const key = await readPrivateFile(path, MAX_KEY_BYTES);
  if (!key.startsWith('-----BEGIN ENCRYPTED PRIVATE KEY-----\n')) {
    throw new SigningError('malformed', `The file ${path} is not a private key under a passphrase.`);
  }
  const privateKey = decrypt(key, passphrase.normalize('NFC'), path);
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    throw new SigningError('malformed', `The key in ${path} is not an Ed25519 key.`);
  }
  return privateKey;
}

/**
 * Signs with `ssh-keygen -Y sign`: for hardware keys, and for keys that a person already has. The person meets
 * ssh-keygen's own prompts (touch, PIN, passphrase) on this process's terminal and has two minutes. Returns the
 * armored signature, not yet verified: give it to verifySsh. Throws SigningError `ssh-keygen`.
 */
export async function signWithSshKeygen(
  message: Uint8Array | string,
  keyPath: string,
  namespace: string,
): Promise<string> {
  // ssh-keygen asks for passphrases on its stdin's terminal only, so the message goes by file.
  const directory = await mkdtemp(join(tmpdir(), 'millwright-sign-'));
  try {
    const file = join(directory, 'message');
    await writeFile(file, message, { mode: 0o600, flag: 'wx' });
    await runSshKeygen(['-Y', 'sign', '-f', keyPath, '-n', namespace, '--', file]);
    return await readSignature(`${file}.sig`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function decrypt(key: string, passphrase: string, path: string): KeyObject {
  try {
    return createPrivateKey({ key, passphrase });
  } catch {
    throw new SigningError(
      'wrong-passphrase',
      `The passphrase does not open ${path}, or the file is damaged.`,
    );
  }
}

async function runSshKeygen(args: string[]): Promise<void> {
  try {
    // Its messages belong on stderr: stdout is for the calling command's result.
    await execa('ssh-keygen', args, {
      stdin: 'inherit',
      stdout: 2,
      stderr: 'inherit',
      timeout: SIGN_TIMEOUT_MS,
    });
  } catch (cause) {
    throw new SigningError('ssh-keygen', 'ssh-keygen did not sign; what it said is above.', cause);
  }
}

async function readSignature(path: string): Promise<string> {
  if ((await stat(path)).size > MAX_SIGNATURE_BYTES) {
    throw new SigningError('ssh-keygen', 'ssh-keygen wrote a signature that is too long.');
  }
  return readFile(path, 'utf8');
}
