import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { StubDeployment } from './vercel_state.ts';

const OUT = '.vercel/output';

interface Site {
  routes: { handle?: string; src?: string; dest?: string; status?: number }[];
  overrides?: Record<string, { path: string }>;
}

/** Answers as Vercel's edge does with a deployment in the form of the Build Output API: static files, then routes. */
export async function serve(
  deployment: StubDeployment,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const site = JSON.parse(String(deployment.files.get(`${OUT}/config.json`))) as Site;
  const path = new URL(request.url ?? '/', 'http://edge').pathname.slice(1);
  const page = staticFile(deployment, site, path);
  if (page) return void response.writeHead(200).end(page);
  const last = site.routes.at(-1);
  const fallback =
    last?.dest === '/index' ? undefined : staticFile(deployment, site, last?.dest?.slice(1) ?? '');
  if (fallback) return void response.writeHead(last?.status ?? 200).end(fallback);
  deployment.handler ??= await load(deployment);
  await deployment.handler(request, response);
}

function staticFile({ files }: StubDeployment, { overrides = {} }: Site, path: string): Buffer | undefined {
  const renamed = Object.entries(overrides).find(([, one]) => one.path === path)?.[0];
  const names = [renamed ?? path, path === '' ? 'index.html' : `${path}/index.html`];
  return names.map((name) => files.get(`${OUT}/static/${name}`)).find((found) => found !== undefined);
}

/** The function, imported from its own files with the environment of its deployment. */
async function load({ files, env }: StubDeployment): Promise<RequestListener> {
  const prefix = `${OUT}/functions/index.func/`;
  const folder = await mkdtemp(join(tmpdir(), 'millwright-vercel-function-'));
  try {
    for (const [path, bytes] of files) {
      if (!path.startsWith(prefix)) continue;
      const file = join(folder, path.slice(prefix.length));
      await mkdir(dirname(file), { recursive: true });
      // Without the name of a map that was not uploaded: the test runner would look for it.
      await writeFile(file, bytes.toString('latin1').replace(/^\/\/# sourceMappingURL=.*$/m, ''), 'latin1');
    }
    const launch = JSON.parse(String(files.get(`${prefix}.vc-config.json`))) as { handler: string };
    Object.assign(process.env, env);
    const loaded = await import(/* @vite-ignore */ pathToFileURL(join(folder, launch.handler)).href);
    return loaded.default;
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
    await rm(folder, { recursive: true, force: true });
  }
}
