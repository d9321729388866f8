import { randomUUID } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { sweep } from './leases.ts';
import type { Services } from './services.ts';
import { sha256Hex } from './signing/canonical.ts';
import { identify, isRunning } from './target/local/processes.ts';

const HOLDER = /^process:[0-9a-f]{16}:(\d+):([^:]+):/;

/** A holder's name that no other has, and that says which process of which machine it is. */
export async function processHolder(): Promise<string> {
  const self = await identify(process.pid);
  if (!self) throw new Error('This process does not find itself in the process table.');
  return `${await ofThisMachine()}${self.pid}:${encodeURIComponent(self.start)}:${randomUUID()}`;
}

/**
 * Ends the leases of processes of this machine that surely have ended, as leases whose time is over, with the same
 * entry in the record: those processes can't beat any more. Returns whether there were any.
 */
export async function endDeadHolders({
  store,
  clock,
  factory,
}: Pick<Services, 'store' | 'clock' | 'factory'>): Promise<boolean> {
  const ours = await ofThisMachine();
  const held = await store.db
    .selectFrom('leases')
    .select(['kind', 'subject', 'holder', 'fence'])
    .where('holder', 'is not', null)
    .where('holder', 'like', `${ours}%`)
    .execute();
  const runs = await Promise.all(held.map(({ holder }) => isAlive(holder ?? '')));
  const dead = held.filter((_, at) => !runs[at]);
  if (dead.length === 0) return false;
  const applied = await factory();
  await store.transaction(async (tx) => {
    for (const { kind, subject, holder, fence } of dead)
      await tx
        .updateTable('leases')
        .set({ ends_at: 1 })
        .where('kind', '=', kind)
        .where('subject', '=', subject)
        .where('holder', '=', holder)
        .where('fence', '=', fence)
        .execute();
    await sweep(store, tx, applied.factory, clock.now());
  });
  return true;
}

async function isAlive(holder: string): Promise<boolean> {
  const [, pid, start = ''] = HOLDER.exec(holder) ?? [];
  return pid === undefined || isRunning({ pid: Number(pid), start: decodeURIComponent(start) });
}

/**
 * How the holders of this start of this machine begin, in this space of process ids: in another space the same process
 * is not seen. Names of hosts repeat. Where the system tells neither, nobody is ever taken for a process of this
 * machine.
 */
function ofThisMachine(): Promise<string> {
  machine ??= marked();
  return machine;
}

/** It stays as it is while this process runs, and every idle look asks for it. */
let machine: Promise<string> | undefined;

async function marked(): Promise<string> {
  const told = [readFile('/proc/sys/kernel/random/boot_id', 'utf8'), readlink('/proc/self/ns/pid')];
  const mark = await Promise.all(told).catch(() => [randomUUID()]);
  return `process:${sha256Hex(mark.join(' ')).slice(0, 16)}:`;
}
