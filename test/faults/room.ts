import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

/** Where the processes of a run live: the machine itself, or a namespace with a small disk. */
export interface Room {
  /** A program and its arguments that start another one in this room. */
  readonly enter: readonly string[];
  /** The same, where the factory's folder cannot be written. */
  readonly enterReadOnly: readonly string[];
  /** Takes all space that is left on the disk; gives how to give it back. */
  fill(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** Ends a process with the one that started it, even when it is stopped. */
const DIES_WITH_US = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];

/** The machine as it is. */
export const bareRoom: Room = {
  enter: DIES_WITH_US,
  enterReadOnly: [],
  fill: () => Promise.reject(new Error('only a small disk is filled')),
  close: async () => {},
};

/**
 * A user and mount namespace in which `home` is a disk of `megabytes`; it goes with the last process in it.
 * Throws when this machine makes no such namespaces.
 */
export async function smallDisk(home: string, megabytes: number): Promise<Room> {
  await mkdir(home, { recursive: true });
  const mount = `mount -t tmpfs -o size=${megabytes}m,mode=700 tmpfs "$1" && echo ready && exec cat`;
  const holder = execa(
    'unshare',
    ['--user', '--map-root-user', '--mount', ...DIES_WITH_US, 'sh', '-c', mount, 'sh', home],
    { reject: false, stdin: 'pipe', buffer: { stdout: false } },
  );
  const isReady = await Promise.race([
    once(holder.stdout, 'data').then(() => true),
    holder.then(() => false),
  ]);
  if (!isReady) {
    const why = (await holder).stderr || (await holder).message || '';
    throw new Error(
      `This machine makes no user and mount namespaces, which the small disk needs (unshare, nsenter, tmpfs): ${why}`,
    );
  }
  const namespace = [
    'nsenter',
    '--user',
    '--mount',
    '--preserve-credentials',
    '--target',
    `${holder.pid}`,
    '--',
  ];
  const enter = [...namespace, ...DIES_WITH_US];
  const remount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" "$0" && exec "$@"';
  const ballast = join(home, 'ballast');
  return {
    enter,
    enterReadOnly: [...enter, 'unshare', '--mount', ...DIES_WITH_US, 'sh', '-c', remount, home],
    async fill() {
      const [file = '', ...args] = [...enter, 'dd', 'if=/dev/zero', `of=${ballast}`, 'bs=4k'];
      await execa(file, args, { reject: false });
      return async () => {
        const [program = '', ...rest] = [...enter, 'rm', '-f', '--', ballast];
        await execa(program, rest);
      };
    },
    async close() {
      holder.stdin.end();
      await holder;
    },
  };
}
