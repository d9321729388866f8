import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Whose value it is: bound into the seal, so that a value moved to another row does not open. */
export interface SealedAbout {
  product: string;
  target: string;
  name: string;
}

/** Encrypts a value: `1.` and, in base64, nonce, tag and ciphertext of AES-256-GCM. */
export function seal(key: Uint8Array, value: string, about: SealedAbout): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(about));
  const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return `1.${Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64')}`;
}

/** Opens what `seal` closed. Throws when it was changed, moved, or sealed with another key. */
export function unseal(key: Uint8Array, sealed: string, about: SealedAbout): string {
  if (!sealed.startsWith('1.'))
    throw new Error('a secret is sealed in a form that this program does not know');
  const bytes = Buffer.from(sealed.slice(2), 'base64');
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(boundTo(about));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const text = bytes.subarray(NONCE_BYTES + TAG_BYTES);
  return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
}

const boundTo = ({ product, target, name }: SealedAbout) =>
  Buffer.from(JSON.stringify([product, target, name]));
