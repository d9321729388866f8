import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { NotStarted, type RunningProduct } from './worker.ts';

const START_MS = 30_000;
const POLL_MS = 100;
const ANSWER_MS = 5_000;
const LOG_CHARS = 4_000;
const STOP_MS = 2_000;
const NAMED = /https?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):(\d{2,5})/g;

/**
 * Starts a product by its own command and answers when it answers HTTP. It is told a free port in PORT; one that
 * listens elsewhere is found by the address it prints, or, in a network namespace of its own, by what listens
 * there. Throws `NotStarted` when it ends by itself or nothing answers in 30 s.
 */
export async function startCommand({
  command: [file = '', ...args],
  cwd,
}: {
  command: string[];
  cwd: string;
}): Promise<RunningProduct> {
  const before = await listening();
  const port = await freePort();
  let log = '';
  let ended: string | undefined;
  const child = execa(file, args, {
    cwd,
    env: {
      PORT: `${port}`,
      HOST: '127.0.0.1',
      HOSTNAME: '127.0.0.1',
      BROWSER: 'none',
      NODE_ENV: 'production',
    },
    stdin: 'ignore',
    buffer: false,
    reject: false,
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      log = (log + chunk).slice(-LOG_CHARS);
    });
  void child.then(({ exitCode, signal, failed }) => {
    ended =
      failed && exitCode === undefined && !signal ? 'could not be run' : `ended with ${signal ?? exitCode}`;
  });
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && ended === undefined) {
    for (const candidate of await candidates(port, log, before)) {
      const origin = `http://127.0.0.1:${candidate}`;
      if (await answers(origin)) return { origin, stop: () => end(child) };
    }
    await sleep(POLL_MS);
  }
  await end(child);
  const why = ended === undefined ? `nothing answered within ${START_MS / 1000} s` : `it ${ended}`;
  throw new NotStarted(`\`${[file, ...args].join(' ')}\`: ${why}.\n${log}`.trim().slice(0, LOG_CHARS));
}

async function candidates(port: number, log: string, before: ReadonlySet<number>): Promise<Set<number>> {
  const named = [...log.matchAll(NAMED)].map((match) => Number(match[1]));
  const opened = before.size === 0 ? [...(await listening())] : [];
  return new Set([port, ...named, ...opened]);
}

/** Ports of this network namespace on which something listens; empty where the system does not tell. */
async function listening(): Promise<Set<number>> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')),
  );
  const LISTEN = '0A';
  const ports = tables
    .flatMap((text) => text.split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells[3] === LISTEN)
    .map((cells) => Number.parseInt(cells[1]?.split(':')[1] ?? '', 16));
  return new Set(ports.filter(Number.isInteger));
}

const answers = (origin: string): Promise<boolean> =>
  fetch(origin, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) }).then(
    async (response) => {
      await response.body?.cancel();
      return true;
    },
    () => false,
  );

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Ends the whole process group. */
async function end(child: PromiseLike<unknown> & { pid?: number | undefined }): Promise<void> {
  const kill = (signal: NodeJS.Signals) => {
    try {
      if (child.pid) process.kill(-child.pid, signal);
    } catch {
      // It has ended.
    }
  };
  kill('SIGTERM');
  await Promise.race([child.then(() => undefined), sleep(STOP_MS)]);
  kill('SIGKILL');
}
