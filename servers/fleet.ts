import { readdir } from 'node:fs/promises';
import { catalogue } from './core/call.ts';
import type { JobRunner } from './core/jobs.ts';
import type { AnyTool, FleetServer, ServerModule, SessionOpened } from './core/tool.ts';

/** The servers of the fleet, by folder. */
export const SERVER_NAMES = ['tasks', 'gates', 'repo', 'qa', 'provision', 'deploy', 'memory'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export interface Fleet {
  readonly tools: ReadonlyMap<string, AnyTool>;
  readonly jobs: Readonly<Record<string, JobRunner>>;
  readonly sessionOpened: SessionOpened;
}

/** Loads the named servers; all of them by default. Throws for a name that is no server. */
export async function loadFleet(names: readonly string[] = SERVER_NAMES): Promise<Fleet> {
  const unknown = names.find((name) => !SERVER_NAMES.includes(name as ServerName));
  if (unknown)
    throw new Error(`There is no server "${unknown}"; the servers are ${SERVER_NAMES.join(', ')}.`);
  const servers = await Promise.all(names.map((name) => loadServer(name as ServerName)));
  return {
    tools: catalogue(servers),
    jobs: Object.assign({}, ...servers.map((server) => server.jobs ?? {})),
    async sessionOpened(services, agent) {
      for (const server of servers) await server.sessionOpened?.(services, agent);
    },
  };
}

/** From the sources a server is its folder; the build replaces this function with static imports of the same files. */
export async function loadServer(name: ServerName): Promise<FleetServer> {
  const folder = new URL(`./${name}/`, import.meta.url);
  const files = (await readdir(new URL('tools/', folder))).filter((file) => file.endsWith('.ts')).sort();
  const server: ServerModule = (await import(new URL('index.ts', folder).href)).default;
  const tools = await Promise.all(
    files.map(async (file) => (await import(new URL(`tools/${file}`, folder).href)).default),
  );
  return { ...server, tools: tools as AnyTool[] };
}
