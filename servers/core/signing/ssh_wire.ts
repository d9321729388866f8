import { SigningError } from './errors.ts';

/** A `string` of RFC 4251 section 5: four bytes of length, then the bytes. Text is written as UTF-8. */
export function sshString(data: Uint8Array | string): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([sshUint32(bytes.length), bytes]);
}

/** A `uint32` of RFC 4251 section 5. */
export function sshUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export type SshReader = {
  bytes(length: number): Buffer;
  byte(): number;
  uint32(): number;
  string(): Buffer;
  /** A string of printable ASCII, as names of algorithms, namespaces and applications are. */
  name(): string;
  /** Throws unless every byte was read. */
  end(): void;
};

/** Reads RFC 4251 data strictly from the front. Every read throws SigningError `malformed` when bytes are missing. */
export function sshReader(data: Buffer): SshReader {
  let offset = 0;

  function bytes(length: number): Buffer {
    if (length > data.length - offset) throw new SigningError('malformed', 'The SSH data ends too early.');
    offset += length;
    return data.subarray(offset - length, offset);
  }
  const byte = () => bytes(1).readUInt8();
  const uint32 = () => bytes(4).readUInt32BE();
  const string = () => bytes(uint32());

  function name(): string {
    const text = string().toString('latin1');
    if (!/^[\x20-\x7e]*$/.test(text))
      throw new SigningError('malformed', 'A name in the SSH data is not ASCII.');
    return text;
  }
  function end(): void {
    if (offset !== data.length)
      throw new SigningError('malformed', 'The SSH data has extra bytes at its end.');
  }
  return { bytes, byte, uint32, string, name, end };
}

/** Bytes of strict base64: the one spelling that an encoder writes, with padding. Throws `malformed`. */
export function strictBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text)
    throw new SigningError('malformed', 'The base64 text is not well formed.');
  return bytes;
}
