import { randomUUID } from 'node:crypto';
import { readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { sha256Hex } from '../core/signing/canonical.ts';
import { identify, isRunning } from '../core/target/local/processes.ts';

const HOLDER = /^release:([0-9a-f]{16}):(\d+):([^:]+):/;

/** A holder's name that no other has, and that says which process of which machine it is. */
export async function ownHolder(): Promise<string> {
  const self = await identify(process.pid);
  if (!self) throw new Error('This process does not find itself in the process table.');
  return `release:${await machineMark()}:${self.pid}:${encodeURIComponent(self.start)}:${randomUUID()}`;
}

/** Whether a holder's process surely has ended: it was one of this machine and is not among its processes. */
export async function isDead(holder: string): Promise<boolean> {
  const [, machine, pid, start = ''] = HOLDER.exec(holder) ?? [];
  if (machine === undefined || machine !== (await machineMark())) return false;
  return !(await isRunning({ pid: Number(pid), start: decodeURIComponent(start) }));
}

/** The machine and, where there are such, the space of process ids: in another one the same process is not seen. */
async function machineMark(): Promise<string> {
  const space = process.platform === 'linux' ? await readlink('/proc/self/ns/pid').catch(randomUUID) : '';
  return sha256Hex(`${hostname()} ${space}`).slice(0, 16);
}
