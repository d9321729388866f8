import { startRunner } from '../hosts/run/runner.ts';
import { serveHttp } from '../servers/core/http.ts';
import type { Services } from '../servers/core/services.ts';
import type { AnyTool } from '../servers/core/tool.ts';
import type { Io } from './io.ts';

/**
 * A runner in this process. Hosts reach the fleet over loopback: at `url` where that is such an address, else at a
 * listener of their own, so that no certificate and no proxy stands between.
 */
export async function openRunner(
  services: Services,
  tools: ReadonlyMap<string, AnyTool>,
  url: string,
  io: Pick<Io, 'progress'>,
): Promise<{ stop(why: string): Promise<void> }> {
  const isLoopback = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|$)/.test(url);
  const own = isLoopback ? undefined : await serveHttp({ services, fleet: tools });
  const waits = (why: string) => io.progress(`The queue waits: ${why}`);
  const runner = await startRunner({ services, tools, url: own?.url ?? url, env: process.env, waits });
  return {
    async stop(why) {
      await runner.stop(why);
      await own?.close();
    },
  };
}
