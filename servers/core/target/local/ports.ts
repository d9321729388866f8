import { createServer } from 'node:net';

const ANSWER_MS = 10_000;

/** A port of 127.0.0.1 that nobody listens on: the preferred one if it is free, else one that the system picks. */
export async function usablePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await tryPort(preferred)) !== null) return preferred;
  const port = await tryPort(0);
  if (port === null) throw new Error('the system has no free port on 127.0.0.1');
  return port;
}

/** Resolves once HTTP is answered on a port, whatever the status; throws if it is not within ten seconds. */
export async function answers(url: string): Promise<void> {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) });
  await response.body?.cancel();
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
    );
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : null));
    });
  });
}
