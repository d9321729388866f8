import { join } from 'node:path';
import { startRunner } from '../hosts/run/runner.ts';
import { userPool } from '../hosts/run/users.ts';
import { serveHttp } from '../servers/core/http.ts';
import type { Services } from '../servers/core/services.ts';
import { claimRuntime } from '../servers/core/target/local/claim.ts';
import type { AnyTool } from '../servers/core/tool.ts';
import type { Io } from './io.ts';
import { separationFor } from './separation.ts';

/**
 * A runner in this process. Hosts reach the fleet over loopback: at `url` where that is such an address, else at a
 * listener of their own, so that no certificate and no proxy stands between. Where agents are separate users
 * another process may have these users: then that one starts the runs, and this one starts none.
 */
export async function openRunner(
  services: Services,
  tools: ReadonlyMap<string, AnyTool>,
  url: string,
  io: Pick<Io, 'progress'>,
): Promise<{ stop(why: string): Promise<void> }> {
  const separation = await separationFor(services.paths, {});
  if (separation && !(await claimRuntime(join(services.paths.home, 'runner')))) {
    io.progress('Runs are started by the server that has the users for agents.');
    return { stop: async () => {} };
  }
  const isLoopback = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|$)/.test(url);
  const own = isLoopback ? undefined : await serveHttp({ services, fleet: tools });
  const users = separation && userPool(separation);
  const waits = (why: string) => io.progress(`The queue waits: ${why}`);
  const runner = await startRunner({ services, tools, url: own?.url ?? url, env: process.env, users, waits });
  return {
    async stop(why) {
      await runner.stop(why);
      await own?.close();
    },
  };
}
