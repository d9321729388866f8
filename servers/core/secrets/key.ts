import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import * as z from 'zod';
import { createPrivateFile, isErrno, readPrivateFile } from '../signing/private_file.ts';

const FILE = 'secrets.key';
/** In its place: a JSON array, the command line of a program that prints the key. */
const COMMAND_FILE = 'secrets.command';
const KEY_BYTES = 32;
const MAX_FILE_BYTES = 4096;
const COMMAND_MS = 30_000;

const commandLine = z.array(z.string().min(1)).min(1);

/**
 * The key that secrets are sealed with: 32 bytes in base64, in the file `secrets.key` of the keys folder, or printed by
 * the command line that `secrets.command` there holds. The file is made on first use. Both must be closed to others.
 */
export async function openSecretKey(keys: string): Promise<Uint8Array> {
  await mkdir(keys, { recursive: true, mode: 0o700 });
  const command = await readOptional(join(keys, COMMAND_FILE));
  if (command !== undefined) return keyOf(await printedBy(commandLine.parse(JSON.parse(command))));
  const file = join(keys, FILE);
  const there = await readOptional(file);
  if (there !== undefined) return keyOf(there);
  await createPrivateFile(file, `${randomBytes(KEY_BYTES).toString('base64')}\n`);
  return keyOf(await readPrivateFile(file, MAX_FILE_BYTES));
}

async function readOptional(path: string): Promise<string | undefined> {
  return readPrivateFile(path, MAX_FILE_BYTES).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  });
}

async function printedBy([file = '', ...args]: readonly string[]): Promise<string> {
  const { stdout } = await execa(file, args, {
    stdin: 'ignore',
    timeout: COMMAND_MS,
    maxBuffer: MAX_FILE_BYTES,
  });
  return stdout;
}

function keyOf(text: string): Uint8Array {
  const key = Buffer.from(text.trim(), 'base64');
  if (key.byteLength === KEY_BYTES) return key;
  throw new Error(`the key of secrets must be ${KEY_BYTES} bytes in base64`);
}
