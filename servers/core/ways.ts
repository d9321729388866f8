import { setTimeout as sleep } from 'node:timers/promises';
import { enlist } from './census.ts';
import type { Connection } from './connection.ts';
import { findDaemons } from './daemon.ts';
import { type DaemonSession, type Join, joinDaemon } from './daemon_client.ts';
import { type HomeEnrolment, readEnrolment } from './enrolment.ts';
import { ToolError } from './errors.ts';
import { NotDone, type Way } from './relay.ts';
import { readSeparation } from './separation_file.ts';
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
 * the store, which is the servers' alone where agents are separate users or the store is a database (tiers 2 and 3).
 * The session of `resume` goes on when it still lives. Throws `ToolError` `UPSTREAM` when no daemon answered in time
 * and none but a daemon may.
 */
export async function findWay(options: StdioOptions, resume: string | undefined): Promise<StdioWay> {
  const file = await readEnrolment(options.enrolment);
  const join = { token: file.token, root: options.root, resume };
  if ('url' in file) {
    const { url, ca } = file;
    const daemon = await patiently(options.patience, () => joinIfThere({ ...join, url, ca, prove: false }));
    if (!daemon) throw unreachable(`at ${url}`);
    return overDaemon(daemon);
  }
  const isServed = options.databaseUrl !== undefined || (await readSeparation(file)) !== undefined;
  const daemon = await patiently(isServed ? options.patience : 0, () => joinAny(file.home, join));
  if (daemon) return listed(file, overDaemon(daemon), { way: 'daemon', session: daemon.id });
  if (isServed) throw unreachable('on this machine');
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

/** The first daemon of this factory that runs on this machine. */
async function joinAny(home: string, join: Omit<Join, 'url' | 'prove'>): Promise<DaemonSession | undefined> {
  for (const url of await findDaemons(home)) {
    const daemon = await joinIfThere({ ...join, url, prove: true });
    if (daemon) return daemon;
  }
  return undefined;
}

/** Tries until there is something, or for so many milliseconds; once at least. */
async function patiently<T>(patience: number, find: () => Promise<T | undefined>): Promise<T | undefined> {
  const deadline = performance.now() + patience;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const found = await find();
    if (found || performance.now() + pause > deadline) return found;
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
  { load, root }: StdioOptions,
  resume: string | undefined,
): Promise<StdioWay & { connection: Connection }> {
  const [{ openServices }, { openSession }, { startBeats }] = await Promise.all([
    import('./open.ts'),
    import('./identity.ts'),
    import('./connection.ts'),
  ]);
  const fleet = await load();
  const services = await openServices(file.home, {
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

const unreachable = (where: string) =>
  new ToolError(
    'UPSTREAM',
    `The factory's daemon ${where} does not answer.`,
    'Call again in a minute; if it still does not answer, ask the human to start it with `millwright up`.',
    { rule: 'daemon.unreachable' },
  );
