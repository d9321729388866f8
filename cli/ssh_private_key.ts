import { readFile } from 'node:fs/promises';

const BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----';
const MAGIC = 'openssh-key-v1\0';

/**
 * Whether the file is an OpenSSH private key under a passphrase (source: OpenSSH PROTOCOL.key). False for a
 * missing file, another format, or a key that anybody who reads the file can use.
 */
export async function isEncryptedSshKey(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (!text.startsWith(BEGIN)) return false;
  const blob = Buffer.from(text.replace(/-----[^-]+-----/g, ''), 'base64');
  if (blob.subarray(0, MAGIC.length).toString('latin1') !== MAGIC || blob.length < MAGIC.length + 8)
    return false;
  const length = blob.readUInt32BE(MAGIC.length);
  const cipher = blob.subarray(MAGIC.length + 4, MAGIC.length + 4 + length).toString('latin1');
  return cipher !== '' && cipher !== 'none';
}
