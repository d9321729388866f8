import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { execa } from 'execa';
import { parse } from 'jsonc-parser';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { checkOut, type PlantedCase } from './corpus.ts';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

export interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** A running product of the corpus: its folder, its address as it knows it, and how to send it a request. */
export interface Started {
  dir: string;
  origin: string;
  send(request: Sent): Promise<Answer>;
}

/** A fresh copy of a case, as a person who knows nothing of the corpus would get it. */
export async function copied(planted: PlantedCase): Promise<string> {
  const dir = join(await mkdtemp(join(tmpdir(), 'corpus-')), planted.id);
  await checkOut(planted, dir);
  return dir;
}

/** The Worker of a case as one module. Packages come from the checkout that this test runs in. */
export async function bundled({ dir }: { dir: string }) {
  const config = parse(await readFile(join(dir, 'wrangler.jsonc'), 'utf8'));
  const { outputFiles } = await build({
    entryPoints: [join(dir, config.main)],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    external: ['node:*'],
    logLevel: 'silent',
  });
  return { config, script: outputFiles[0]?.text ?? '' };
}

/** All these Workers in one workerd, each with databases of its own, migrated. */
export async function startWorkers(planted: readonly PlantedCase[]) {
  const bundles = await Promise.all(planted.map(async (one) => ({ id: one.id, ...(await bundled(one)) })));
  const options = bundles.map(({ id, config, script }) => ({
    name: id,
    modules: true,
    script,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags ?? [],
    bindings: config.vars ?? {},
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    d1Databases: Object.fromEntries(
      (config.d1_databases ?? []).map(({ binding }: { binding: string }) => [binding, `${id}:${binding}`]),
    ),
  }));
  const miniflare = new Miniflare(convertV4MiniflareOptions({ cf: false, workers: options }));
  for (const { id } of bundles.filter(({ config }) => config.d1_databases)) await migrate(miniflare, id);
  const started = async (one: PlantedCase): Promise<Started> => {
    const origin = (await miniflare.unsafeGetDirectURL(one.id)).origin;
    return { dir: one.dir, origin, send: sender(origin) };
  };
  const running = await Promise.all(planted.map(async (one) => [one.id, await started(one)] as const));
  return {
    started: new Map(running),
    close: () => miniflare.dispose(),
  };
}

const sender =
  (origin: string) =>
  async ({ path, ...init }: Sent): Promise<Answer> => {
    const response = await fetch(`${origin}${path}`, { ...init, redirect: 'manual' });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };

async function migrate(miniflare: Miniflare, id: string) {
  const folder = join(import.meta.dirname, 'cases', id, 'migrations');
  const database = await miniflare.getD1Database('DB', id);
  for (const name of (await readdir(folder)).sort()) {
    const statements = (await readFile(join(folder, name), 'utf8'))
      .split(/;\s*\n/)
      .filter((sql) => sql.trim());
    await database.batch(statements.map((sql) => database.prepare(sql)));
  }
}

/** Starts a node product as its package.json says. Throws with its output when nothing answers on PORT. */
export async function startNode(planted: PlantedCase): Promise<Started & { close(): Promise<void> }> {
  const dir = await copied(planted);
  const manifest = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'));
  const [, ...args] = String(manifest.scripts.start).split(' ');
  const port = await freePort();
  const child = execa('node', args, {
    cwd: dir,
    env: { PORT: String(port) },
    reject: false,
    all: true,
    cleanup: true,
    timeout: 300_000,
  });
  let ended = false;
  child.then(() => {
    ended = true;
  });
  const origin = `http://127.0.0.1:${port}`;
  const send = sender(origin);
  for (let tries = 0; tries < 200; tries++) {
    const up = await send({ method: 'GET', path: '/', headers: {} }).catch(() => undefined);
    if (up) return { dir, origin, send, close: () => stopped(child) };
    if (ended) break;
    await sleep(100);
  }
  child.kill('SIGKILL');
  throw new Error(`${planted.id} does not answer: ${(await child).all}`);
}

async function stopped(child: { kill(signal: 'SIGKILL'): boolean } & PromiseLike<unknown>) {
  child.kill('SIGKILL');
  await child;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
