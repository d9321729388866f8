import { setTimeout as sleep } from 'node:timers/promises';
import { enlist } from './census.ts';
import type { Connection } from './connection.ts';
import { findDaemons } from './daemon.ts';
import { type DaemonSession, type Join, joinDaemon } from './daemon_client.ts';
import { type HomeEnrolment, readEnrolment } from './enrolment.ts';
import { ToolError } from './errors.ts';
import { NotDone, type Way } from './relay.ts';
import type { StdioOptions } from './serve.ts';
import type { Services } from './services.ts';

/** The way of a stdio server; `connection` is there when it is the store. */
export interface StdioWay extends Way {
  readonly connection?: Connection;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

/**
 * Opens the way that an enrolment gives: the daemon it names and no other; or by its home a running daemon, else
 * the store. The session of `resume` goes on when it still lives. Throws `ToolError` `UPSTREAM` when the named
 * daemon did not answer in time.
 */
export async function findWay(options: StdioOptions, resume: string | undefined): Promise<StdioWay> {
  const file = await readEnrolment(options.enrolment);
  const join = { token: file.token, root: options.root, resume };
  if ('url' in file) {
    const { url, ca } = file;
    return overDaemon(await joinPatiently({ ...join, url, ca, prove: false }, options.patience));
  }
  for (const url of await findDaemons(file.home)) {
    const daemon = await joinIfThere({ ...join, url, prove: true });
    if (daemon) return listed(file, overDaemon(daemon), { way: 'daemon', session: daemon.id });
  }
  const store = await openStore(file, options, resume);
  return listed(file, store, { way: 'store', session: store.connection.session });
}

const overDaemon = (daemon: DaemonSession): StdioWay => ({
  token: daemon.token,
  resumed: daemon.resumed,
  daemon,
  close: () => daemon.close(),
});

/** Undefined when no daemon of this factory answers there. */
async function joinIfThere(join: Join): Promise<DaemonSession | undefined> {
  try {
    return await joinDaemon(join);
  } catch (error) {
    if (error instanceof NotDone) return undefined;
    throw error;
  }
}

async function joinPatiently(join: Join, patience: number): Promise<DaemonSession> {
  const deadline = performance.now() + patience;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const daemon = await joinIfThere(join);
    if (daemon) return daemon;
    if (performance.now() + pause > deadline) throw unreachable(join.url);
    await sleep(pause);
  }
}

/** Writes the process down for `doctor` while the way is open. */
async function listed(
  { home, agent }: HomeEnrolment,
  way: StdioWay,
  about: { way: 'daemon' | 'store'; session: string },
): Promise<StdioWay> {
  const leave = await enlist(home, { kind: 'stdio', agent, ...about }).catch(async (error) => {
    await way.close();
    throw error;
  });
  return {
    ...way,
    async close() {
      await way.close();
      await leave();
    },
  };
}

async function openStore(
  file: HomeEnrolment,
  { load, databaseUrl, root }: StdioOptions,
  resume: string | undefined,
): Promise<StdioWay & { connection: Connection }> {
  const [{ openServices }, { openSession }, { startBeats }] = await Promise.all([
    import('./open.ts'),
    import('./identity.ts'),
    import('./connection.ts'),
  ]);
  const fleet = await load();
  const services = await openServices(file.home, {
    databaseUrl,
    jobs: fleet.jobs,
    sessionOpened: fleet.sessionOpened,
  });
  try {
    const known = await livingSession(services, resume);
    const session = known ?? (await openSession(services, file.token, root));
    const beats = startBeats(services, session.id);
    return {
      token: session.token,
      resumed: known !== undefined,
      connection: { fleet: fleet.tools, services, session: session.id, touch: beats.touch },
      async close() {
        await beats.stop().catch(() => {});
        await services.close();
      },
    };
  } catch (error) {
    await services.close();
    throw error;
  }
}

/** The session behind a token, if it still lives. */
async function livingSession(services: Services, token: string | undefined) {
  if (token === undefined) return undefined;
  const { sessionByToken, whoCalls } = await import('./identity.ts');
  try {
    const id = await sessionByToken(services.store.db, token);
    const { refusal } = await whoCalls(services.store.db, id, services.clock.now());
    return refusal ? undefined : { id, token };
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}

const unreachable = (url: string) =>
  new ToolError(
    'UPSTREAM',
    `The factory's daemon at ${url} does not answer.`,
    'Call again in a minute; if it still does not answer, ask the human to start it with `millwright up`.',
    { rule: 'daemon.unreachable' },
  );
