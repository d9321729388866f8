import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { isLoopback } from './head.ts';
import type { HttpLimits } from './limits.ts';

export interface ListenOptions {
  host: string;
  port: number;
  /** Paths of PEM files: the certificate with its chain, and its key. */
  tls?: TlsFiles | undefined;
  /** A proxy in front of this server speaks TLS with the clients. */
  behindProxy: boolean;
  limits: HttpLimits;
}

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

export interface Listening {
  readonly server: Server | TlsServer;
  readonly url: string;
  /** Takes certificate and key from their files again. Throws, and goes on with the old ones, when they do not fit. */
  reload(): Promise<void>;
}

/** The address cannot be listened on; the message says why. */
class CannotListen extends Error {
  override readonly name = 'CannotListen';
}

/** Tokens would cross a network that anybody can read. */
class NoTls extends Error {
  override readonly name = 'NoTls';
}

class BadCertificate extends Error {
  override readonly name = 'BadCertificate';
}

const CHECK_EVERY_MS = 1000;
const LONGEST_HEAD_BYTES = 16_384;
/** Longer than proxies keep theirs, so that a proxy never sends a request into one that is being closed. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Listens with bounds on connections, heads and time. Throws `NoTls` for an address that other machines reach when
 * neither this server nor a proxy encrypts, `BadCertificate`, and `CannotListen`.
 */
export async function startListening(onRequest: RequestListener, options: ListenOptions): Promise<Listening> {
  const { host, port, tls, behindProxy, limits } = options;
  if (!tls && !behindProxy && !isLoopback(host))
    throw new NoTls(`Other machines reach ${host}, and without TLS anybody on the way reads their tokens.`);
  const bounds = {
    connectionsCheckingInterval: CHECK_EVERY_MS,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: LONGEST_HEAD_BYTES,
  };
  const server = tls
    ? createTlsServer({ ...bounds, ...(await secrets(tls)), handshakeTimeout: limits.headersMs }, onRequest)
    : createServer(bounds, onRequest);
  server.maxConnections = 2 * limits.connections;
  keepAtMost(server, tls ? 'secureConnection' : 'connection', limits.connections);
  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    server,
    url: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async reload() {
      if (tls) (server as TlsServer).setSecureContext(await secrets(tls));
    },
  };
}

async function secrets(files: TlsFiles): Promise<SecureContextOptions> {
  try {
    const [cert, key] = await Promise.all([readFile(files.cert), readFile(files.key)]);
    const context = { cert, key, minVersion: 'TLSv1.2' as const };
    createSecureContext(context);
    return context;
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? `: ${String(cause.code)}` : '';
    throw new BadCertificate(`The certificate ${files.cert} with the key ${files.key} cannot be used${why}.`);
  }
}

/** Whoever fills this server with idle connections loses them to those who come later. */
function keepAtMost(server: Server | TlsServer, opened: 'connection' | 'secureConnection', most: number) {
  const idle = new Set<Socket>();
  const busy = new Set<Socket>();
  server.on(opened, (socket: Socket) => {
    idle.add(socket);
    socket.once('close', () => {
      idle.delete(socket);
      busy.delete(socket);
    });
    if (idle.size + busy.size <= most) return;
    const [longest = socket] = idle;
    idle.delete(longest);
    longest.destroy();
  });
  server.on('request', ({ socket }, response) => {
    idle.delete(socket);
    busy.add(socket);
    response.once('close', () => {
      if (busy.delete(socket) && !socket.destroyed) idle.add(socket);
    });
  });
}

const WHY_NOT: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another program',
  EACCES: 'may be used by the administrator only',
  EADDRNOTAVAIL: 'cannot be used: this machine does not have that address',
  ENOTFOUND: 'cannot be used: there is no such address',
};

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      reject(
        new CannotListen(`Port ${port} on ${host} ${WHY_NOT[code ?? ''] ?? `cannot be used: ${message}`}.`),
      ),
    );
    server.listen(port, host, resolve);
  });
}
