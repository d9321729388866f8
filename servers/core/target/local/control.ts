import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { ERROR_CODES, ToolError } from '../../errors.ts';

/** What can be asked of a runtime: the methods of the port that need workerd. It ends on SIGTERM. */
const COMMANDS = ['migrate', 'split', 'serving', 'preview', 'numbers', 'retire', 'empty'] as const;
export type Command = (typeof COMMANDS)[number];

const orderSchema = z.strictObject({
  product: z.string().default(''),
  version: z.string().default(''),
  shares: z.array(z.strictObject({ version: z.string(), percent: z.int() })).default([]),
  resource: z
    .strictObject({ kind: z.enum(['d1', 'kv', 'r2', 'queue', 'worker']), name: z.string() })
    .optional(),
});
export type Order = z.output<typeof orderSchema>;

const failureSchema = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  remedy: z.string(),
  rule: z.string().optional(),
  cause: z.string().optional(),
});

/** A socket's path has room for 108 bytes on Linux and 104 on macOS, its final zero included. */
const MAX_SOCKET_PATH = 100;
const MAX_BODY_BYTES = 1_000_000;
const PATIENCE_MS = 40_000;

/**
 * Where the runtime with this process id listens: in the state folder, or, when that path is too long for a
 * socket, in a folder of this user's own in the system's temporary folder. Throws if that folder is not safe.
 */
export async function socketPath(dir: string, pid: number): Promise<string> {
  const path = join(dir, `control-${pid}.sock`);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return path;
  const uid = process.getuid?.() ?? 0;
  const short = shortFolder(dir);
  await mkdir(short, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(short);
  if (found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0)
    return join(short, `${pid}.sock`);
  throw new Error(`${short} is not a folder of this user alone; remove it or set TMPDIR to another place`);
}

const shortFolder = (dir: string) => {
  const mark = createHash('sha256').update(dir).digest('hex').slice(0, 12);
  return join(tmpdir(), `millwright-${process.getuid?.() ?? 0}-${mark}`);
};

/** Listens on a socket that only this user can open; every order is answered by `handle`, failures as data. */
export async function listen(
  path: string,
  handle: (command: Command, order: Order) => Promise<unknown>,
): Promise<Server> {
  const server = createServer(async (incoming, outgoing) => {
    const answer = await answerTo(incoming, handle);
    outgoing.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
    outgoing.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  await chmod(path, 0o600);
  return server;
}

/** Removes the sockets of runtimes of this folder that are gone; only the runtime itself may know that they are. */
export async function removeSockets(dir: string): Promise<void> {
  const stale = (await readdir(dir)).filter((entry) => /^control-\d+\.sock$/.test(entry));
  await Promise.all(stale.map((entry) => rm(join(dir, entry), { force: true })));
  await rm(shortFolder(dir), { recursive: true, force: true });
}

/** Sends one order to a runtime. Throws the ToolError it answered with, or another error when it does not answer. */
export async function send(socket: string, command: Command, order: Partial<Order> = {}): Promise<unknown> {
  const body = JSON.stringify(order);
  const answer = await new Promise<string>((resolve, reject) => {
    const outgoing = request({
      socketPath: socket,
      path: `/${command}`,
      method: 'POST',
      timeout: PATIENCE_MS,
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer to ${command} in ${PATIENCE_MS} ms`)));
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => readBody(incoming).then(resolve, reject));
    outgoing.end(body);
  });
  const { result, failure } = JSON.parse(answer) as {
    result?: unknown;
    failure?: unknown;
  };
  if (failure === undefined) return result;
  const { code, message, remedy, rule, cause } = failureSchema.parse(failure);
  throw new ToolError(code, message, remedy, { ...(rule && { rule }), cause: new Error(cause ?? message) });
}

async function answerTo(
  incoming: IncomingMessage,
  handle: (command: Command, order: Order) => Promise<unknown>,
) {
  try {
    const command = z.enum(COMMANDS).parse(incoming.url?.slice(1));
    return {
      result: (await handle(command, orderSchema.parse(JSON.parse(await readBody(incoming))))) ?? null,
    };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES)
      throw new Error(`a message of the control socket is over ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function failureOf(error: unknown): z.input<typeof failureSchema> {
  const cause = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ToolError)) {
    return {
      code: 'UPSTREAM',
      message: 'The local Workers runtime failed.',
      remedy: 'Call again; if it fails again, report it to the human with the incident.',
      cause,
    };
  }
  const { code, message, remedy, rule } = error;
  const below = error.cause instanceof Error ? { cause: error.cause.message } : {};
  return { code, message, remedy, ...(rule && { rule }), ...below };
}
