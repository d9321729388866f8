/**
 * A server process of its own that runs sandboxes and is the decoy at the same time: it has a secret in its
 * environment and in a 0600 file, listens on a port and on sockets. Requests and answers are lines of JSON.
 */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { ENGINES, openSandbox, type SandboxRun } from '../../../servers/core/sandbox/sandbox.ts';

const [engine = '', folder = ''] = process.argv.slice(2);
const secretFile = `${folder}/secret`;
const socketPath = `${folder}/socket`;
const abstractName = `millwright-test-${process.pid}`;
writeFileSync(secretFile, 'decoy', { mode: 0o600 });

const listen = (where: { port: number; host: string } | { path: string }) =>
  new Promise<number>((done) => {
    const server = createServer((socket) => socket.on('error', () => {}).end('decoy'));
    server.listen(where, () => {
      const address = server.address();
      done(typeof address === 'object' && address ? address.port : 0);
    });
  });

const say = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`);
const aborts = new Map<number, AbortController>();

try {
  const engines = ENGINES.filter(({ name }) => name === engine);
  const sandbox = await openSandbox({ accept: 'none', engines });
  const port = await listen({ host: '127.0.0.1', port: 0 });
  await listen({ path: socketPath });
  await listen({ path: `\0${abstractName}` });
  say({ decoy: { pid: process.pid, port, socketPath, abstractName, secretFile, folder } });

  createInterface(process.stdin)
    .on('line', async (line) => {
      const { id, run } = JSON.parse(line) as { id: number; run?: SandboxRun };
      if (!run) return aborts.get(id)?.abort();
      const abort = new AbortController();
      aborts.set(id, abort);
      const signal = abort.signal;
      await sandbox.run({ ...run, signal }).then(
        (result) => say({ id, result }),
        (error: Error) => say({ id, error: error.message }),
      );
    })
    .on('close', () => process.exit(0));
} catch (error) {
  say({ unavailable: (error as Error).message });
  process.exit(0);
}
