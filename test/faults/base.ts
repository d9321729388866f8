import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Dialect } from '../../servers/core/store/migrate.ts';
import { startPostgres } from '../postgres.ts';
import type { FactoryActions, FactoryOrder } from './factory.ts';
import type { Field } from './nemeses.ts';
import { openLink } from './proxy.ts';
import { bareRoom, type Room, smallDisk } from './room.ts';

const BEAT = 0.4;
/** How long a lease lasts without a beat. */
export const LEASE_MS = BEAT * 3000;
/** For whatever is left when the last fault is mended: a held lease, its pause, a clock that was set, the work. */
export const SETTLE_MS = 60_000;
const DISK_MB = 96;

/** What a run stands on; `direct` is the database without the link, for those whom no fault shall reach. */
export type Base = Pick<Field, 'room' | 'databaseUrl' | 'link' | 'restartDatabase'> & {
  direct: string | undefined;
};

/** The store's place: a small disk, or a database behind a link. What it opens, `undo` closes. */
export async function openBase(
  { dialect, nemeses }: { dialect: Dialect; nemeses: readonly string[] },
  home: string,
  undo: (() => Promise<unknown>)[],
): Promise<Base> {
  if (dialect === 'sqlite') {
    const needsDisk = nemeses.some((name) => name === 'full' || name === 'read-only');
    const room: Room = needsDisk ? await smallDisk(home, DISK_MB) : bareRoom;
    undo.push(() => room.close());
    return { room, databaseUrl: undefined, direct: undefined, link: undefined, restartDatabase: undefined };
  }
  const server = await startPostgres();
  undo.push(() => server.stop());
  const link = await openLink(server.url);
  undo.push(() => link.close());
  return {
    room: bareRoom,
    databaseUrl: link.url,
    direct: server.url,
    link,
    restartDatabase: () => server.restart(),
  };
}

/** Does something to the factory by a process of its own, which the faults do not reach. */
export async function inFactory<A extends keyof FactoryActions>(
  action: A,
  { room, direct }: Base,
  { home, answer, cancelSignal }: { home: string; answer: string; cancelSignal: AbortSignal },
): Promise<Awaited<ReturnType<FactoryActions[A]>>> {
  const order: FactoryOrder = { home, databaseUrl: direct, beat: BEAT, answer, settleMs: SETTLE_MS };
  const program = fileURLToPath(new URL('factory.ts', import.meta.url));
  const [file = '', ...args] = [...room.enter, process.execPath, program, action, JSON.stringify(order)];
  await execa(file, args, { stdin: 'ignore', cancelSignal });
  return JSON.parse(await readFile(answer, 'utf8'));
}
