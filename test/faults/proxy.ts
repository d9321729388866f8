import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

/** A link that can be made to swallow what is sent over it, as a network does whose other end is gone. */
export interface Link {
  /** Where the database is reached over this link. */
  readonly url: string;
  /** Nothing goes through any more, in neither direction, and nobody is told. */
  swallow(): void;
  /** What is asked still arrives; the answers do not. */
  deafen(): void;
  /** What was swallowed arrives late. */
  resume(): void;
  /** What was swallowed is lost, and both ends are told. */
  reset(): void;
  /** What was swallowed is lost and nobody is ever told; new connections work. */
  forget(): void;
  close(): Promise<void>;
}

/** Listens on the loopback and passes every connection on to the database server behind `url`. */
export async function openLink(url: string): Promise<Link> {
  const pairs = new Set<readonly [near: Socket, far: Socket]>();
  const forgotten = new Set<Socket>();
  let swallowing = false;
  const server = createServer((near) => {
    const far = createConnection(addressOf(url));
    const pair = [near, far] as const;
    pairs.add(pair);
    const over = () => {
      if (!pairs.delete(pair)) return;
      near.destroy();
      far.destroy();
    };
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (data) => to.write(data));
      from.on('error', over).on('close', over);
      if (swallowing) from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const each = (work: (socket: Socket) => void) => {
    for (const pair of pairs) pair.forEach(work);
  };
  return {
    url: through(url, (server.address() as AddressInfo).port),
    swallow() {
      swallowing = true;
      each((socket) => void socket.pause());
    },
    deafen() {
      for (const [, far] of pairs) far.pause();
    },
    resume() {
      swallowing = false;
      each((socket) => void socket.resume());
    },
    reset() {
      swallowing = false;
      for (const [near, far] of pairs) {
        near.resetAndDestroy();
        far.destroy();
      }
    },
    forget() {
      swallowing = false;
      each((socket) => void forgotten.add(socket));
      pairs.clear();
    },
    async close() {
      each((socket) => void socket.destroy());
      for (const socket of forgotten) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server on a Unix socket has its folder in the parameter `host`. */
function addressOf(url: string): { path: string } | { host: string; port: number } {
  const { hostname, port, searchParams } = new URL(url);
  const folder = searchParams.get('host');
  return folder
    ? { path: `${folder}/.s.PGSQL.${port || 5432}` }
    : { host: hostname, port: Number(port || 5432) };
}

function through(url: string, port: number): string {
  const near = new URL(url);
  near.searchParams.delete('host');
  near.host = `127.0.0.1:${port}`;
  return near.href;
}
