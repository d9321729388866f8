import { lookup } from 'node:dns/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect, type LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import { SandboxError } from './types.ts';

/** The one origin that a proxy lets through, with the addresses it had when the proxy was opened. */
interface Target {
  readonly host: string;
  readonly port: number;
  readonly address: string;
  readonly family: number;
}

/**
 * Listens on a unix socket as an HTTP proxy that reaches exactly the origin of `registry` and answers 403 to
 * everything else. The name is resolved once, so no later answer of the name service leads elsewhere.
 *
 * @throws {SandboxError} if the name can't be resolved
 */
export async function openProxy(registry: URL, socketPath: string): Promise<{ close(): Promise<void> }> {
  const target = await resolve(registry);
  const open = new Set<Duplex>();
  const server = createServer((incoming, answer) => forward(target, incoming, answer));
  server.on('connection', (socket) => track(open, socket));
  server.on('connect', (incoming, socket) => tunnel(target, incoming, socket, open));
  server.on('clientError', (_error, socket) => socket.destroy());
  await new Promise<void>((done, fail) => server.once('error', fail).listen(socketPath, done));
  return {
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        for (const socket of open) socket.destroy();
      }),
  };
}

async function resolve(registry: URL): Promise<Target> {
  const host = registry.hostname.replace(/^\[|\]$/g, '');
  const { address, family } = await lookup(host).catch(() => {
    throw new SandboxError(`The npm registry ${host} can't be resolved.`);
  });
  const port = registry.port === '' ? (registry.protocol === 'https:' ? 443 : 80) : Number(registry.port);
  return { host: registry.hostname.toLowerCase(), port, address, family };
}

/** HTTPS registries: a tunnel to the pinned address; the run checks the certificate itself. */
function tunnel(target: Target, incoming: IncomingMessage, socket: Duplex, open: Set<Duplex>): void {
  socket.on('error', () => socket.destroy());
  if (incoming.url?.toLowerCase() !== `${target.host}:${target.port}`) {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  const upstream = connect({ host: target.address, port: target.port });
  track(open, upstream);
  upstream.once('connect', () => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    socket.pipe(upstream).pipe(socket);
  });
  socket.once('close', () => upstream.destroy());
  upstream.once('close', () => socket.destroy());
}

/** Plain HTTP registries: the request names its full address, which has to be the target's. */
function forward(target: Target, incoming: IncomingMessage, answer: ServerResponse): void {
  const url = URL.parse(incoming.url ?? '');
  if (url?.protocol !== 'http:' || url.hostname !== target.host || Number(url.port || 80) !== target.port) {
    answer.writeHead(403).end();
    return;
  }
  const pinned: LookupFunction = (_name, options, done) =>
    options.all ? done(null, [target]) : done(null, target.address, target.family);
  const upstream = request(
    {
      host: target.host,
      port: target.port,
      path: url.pathname + url.search,
      method: incoming.method,
      headers: incoming.headers,
      lookup: pinned,
    },
    (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    },
  );
  upstream.on('error', () => answer.destroy());
  incoming.pipe(upstream);
}

function track(open: Set<Duplex>, socket: Duplex): void {
  open.add(socket);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => open.delete(socket));
}
