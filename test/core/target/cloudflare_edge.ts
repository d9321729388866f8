import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CloudflareState } from './cloudflare_state.ts';

/** The side of Cloudflare that visitors see. */
export interface CloudflareEdge {
  /** For `targets.cloudflare.addresses` of a factory. */
  readonly addresses: { worker: string; version: string };
  /** Where a Worker answers, as the target asks for it. */
  addressOf(worker: string, remote: string | null): Promise<string>;
  close(): Promise<void>;
}

interface Module {
  default: { fetch(request: Request): Response | Promise<Response> };
}

/**
 * Serves what was uploaded to the stub, each request by a version as the newest deployment splits them, or by one
 * version alone at its own address. A version must be one module that imports nothing: it runs in this process.
 */
export async function startCloudflareEdge(state: () => CloudflareState): Promise<CloudflareEdge> {
  const modules = new Map<string, Promise<Module>>();
  const server = createServer((request, response) => {
    answer(request.url ?? '/', request.method, request.headers as Record<string, string>).then(
      async (found) => {
        response.writeHead(found.status, Object.fromEntries(found.headers));
        response.end(Buffer.from(await found.arrayBuffer()));
      },
      () => response.writeHead(500).end('The Worker failed.'),
    );
  });

  async function answer(url: string, method = 'GET', headers: Record<string, string>): Promise<Response> {
    const [, name = '', which = '', path = ''] = /^\/([^/]+)\/([^/?]+)(.*)$/.exec(url) ?? [];
    const worker = state().workers.get(name);
    const [newest] = worker?.deployments ?? [];
    const id = which === 'live' ? picked(newest?.versions ?? []) : which;
    const version = worker?.versions.find((one) => one.id === id);
    if (!version) return new Response('There is nothing here.', { status: 404 });
    const [text = ''] = Object.values(version.files);
    const module = modules.get(version.id) ?? load(text);
    modules.set(version.id, module);
    const asked = new Request(new URL(path.startsWith('/') ? path : `/${path}`, `http://${name}.test`), {
      method,
      headers,
    });
    return (await module).default.fetch(asked);
  }

  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    addresses: { worker: `${origin}/{worker}/live`, version: `${origin}/{worker}/{version}` },
    addressOf: async (worker, remote) => `${origin}/${worker}/${remote ?? 'live'}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const load = (text: string): Promise<Module> =>
  import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);

function picked(versions: readonly { version_id: string; percentage: number }[]): string | undefined {
  let roll = Math.random() * 100;
  for (const { version_id, percentage } of versions) {
    roll -= percentage;
    if (roll < 0) return version_id;
  }
  return undefined;
}
