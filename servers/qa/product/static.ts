import { readFile, realpath, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, sep } from 'node:path';
import { NotStarted, type RunningProduct } from './worker.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.htm': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.ico': 'image/x-icon',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.xml': 'application/xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};
const MAX_BYTES = 50_000_000;

/**
 * Serves a folder of pages on loopback as a plain host does: `/` and folders give their index.html, `/about` also
 * about.html, what is not there is 404. Nothing outside the folder is served, also not through a symlink.
 */
export async function startStatic(dir: string): Promise<RunningProduct> {
  const root = await realpath(dir).catch((cause) => {
    throw new NotStarted('The folder of pages is not there.', { cause });
  });
  const server = createServer((request, response) => {
    const path = pathOf(request.url ?? '/');
    void fileFor(root, path).then((file) => {
      const headers = { 'content-type': TYPES[extname(file?.path ?? '')] ?? 'application/octet-stream' };
      if (file) response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : file.bytes);
      else response.writeHead(404, { 'content-type': 'text/plain' }).end('Not found');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function pathOf(url: string): string {
  try {
    return decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return '/\0';
  }
}

async function fileFor(root: string, path: string): Promise<{ path: string; bytes: Buffer } | undefined> {
  if (path.includes('\0')) return undefined;
  for (const candidate of [path, join(path, 'index.html'), `${path}.html`]) {
    const real = await realpath(join(root, candidate)).catch(() => undefined);
    if (!real?.startsWith(root + sep)) continue;
    const info = await stat(real);
    if (info.isFile() && info.size <= MAX_BYTES) return { path: real, bytes: await readFile(real) };
  }
  return undefined;
}
