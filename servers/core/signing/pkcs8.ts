import { createCipheriv, type KeyObject, randomBytes, scryptSync } from 'node:crypto';

/** 16 MiB and five passes. OpenSSL refuses to read files that need more than 32 MiB, so passes carry the cost. */
const SCRYPT = { N: 2 ** 14, r: 8, p: 5 };
const OID_PBES2 = Buffer.from('06092a864886f70d01050d', 'hex');
const OID_SCRYPT = Buffer.from('06092b06010401da47040b', 'hex');
const OID_AES_256_CBC = Buffer.from('060960864801650304012a', 'hex');
const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
const INTEGER = 0x02;

/**
 * An encrypted PKCS#8 PEM (RFC 5208, PBES2 of RFC 8018, scrypt of RFC 7914 section 7, AES-256-CBC), which
 * node:crypto and OpenSSL read. Written here because node:crypto's own export derives the key with 2,048 rounds
 * of PBKDF2 only, and has no option for more.
 */
export function encryptedPkcs8(privateKey: KeyObject, passphrase: string): string {
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', scryptSync(passphrase, salt, 32, SCRYPT), iv);
  const plain = privateKey.export({ type: 'pkcs8', format: 'der' });
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);

  const costs = [integer(SCRYPT.N), integer(SCRYPT.r), integer(SCRYPT.p)];
  const derivation = der(SEQUENCE, OID_SCRYPT, der(SEQUENCE, der(OCTET_STRING, salt), ...costs));
  const encryption = der(SEQUENCE, OID_AES_256_CBC, der(OCTET_STRING, iv));
  const algorithm = der(SEQUENCE, OID_PBES2, der(SEQUENCE, derivation, encryption));
  return pem('ENCRYPTED PRIVATE KEY', der(SEQUENCE, algorithm, der(OCTET_STRING, encrypted)));
}

/** Lengths below 256 only; what is written here has about 160 bytes. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [0x81, body.length];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function integer(value: number): Buffer {
  const hex = value.toString(16);
  return der(INTEGER, Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'));
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
