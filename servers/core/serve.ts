import { serveMcpOverStdio } from './mcp.ts';
import { openRelay } from './relay.ts';
import type { FleetLoader } from './tool.ts';

export interface StdioOptions {
  enrolment: string;
  load: FleetLoader;
  /** Where the store is a database (tier 3); only a daemon opens that. */
  databaseUrl?: string | undefined;
  /** The host's own session, if it names one: all connections that share it count as one person. */
  root?: string | undefined;
  /** How long a request waits for a daemon that does not answer, in milliseconds. */
  patience: number;
}

const PARENT_LOOK_MS = 1000;

/**
 * Serves one agent over stdio until its host closes stdin, dies, or sends SIGTERM; what the session holds is then
 * given back. By an enrolment with a home it uses a daemon of that factory when one runs, and in tier 1 the store when
 * none does; by one with a url it speaks to that daemon only. Either is found after `initialize` is answered, and a
 * fault in the enrolment becomes an error of the first request, which hosts show.
 */
export async function serveStdioAgent(options: StdioOptions): Promise<void> {
  const relay = openRelay(async (resume) => (await import('./ways.ts')).findWay(options, resume));
  const connect = async () => {
    const { connection } = await relay.way();
    if (!connection) throw new Error('A daemon answers for this server.');
    return connection;
  };
  const handle = serveMcpOverStdio(
    connect,
    (error) => process.stderr.write(`millwright: ${error.message}\n`),
    relay.take,
  );
  await hostGone();
  await handle.close().catch(() => {});
  await relay.close();
}

/** Resolves when nobody is left to serve. A dead host may leave stdin open in another of its children. */
function hostGone(): Promise<void> {
  return new Promise((resolve) => {
    const parent = process.ppid;
    const look = setInterval(() => process.ppid !== parent && gone(), PARENT_LOOK_MS).unref();
    const gone = () => {
      clearInterval(look);
      resolve();
    };
    process.stdin.on('end', gone);
    process.stdin.on('close', gone);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, gone);
  });
}
