import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Member } from './crew.ts';
import type { Link } from './proxy.ts';
import { pick } from './random.ts';
import type { Room } from './room.ts';

/** What a nemesis may do harm to. */
export interface Field {
  /** The processes that open the store: workers, or the servers that they call. */
  fleet: readonly Member[];
  /** All processes. */
  members: readonly Member[];
  room: Room;
  home: string;
  /** Gives the space back that a SQLite store keeps for its next writes. */
  shrink(): Promise<unknown>;
  databaseUrl: string | undefined;
  link: Link | undefined;
  restartDatabase: (() => void) | undefined;
  leaseMs: number;
  random: () => number;
  signal: AbortSignal;
}

/** Who was hit and how, for the report, and how many were. */
export interface Harm {
  detail: string;
  hits: number;
}

/** One kind of harm. It does it, waits, and mends it again. */
export type Nemesis = (field: Field) => Promise<Harm>;

const pause = ({ signal }: Field, ms: number) => sleep(ms, undefined, { signal });

const LOCKER = fileURLToPath(new URL('../store/worker.ts', import.meta.url));

const kill: Nemesis = async ({ members, random }) => {
  const victim = pick(random, members);
  victim.kill();
  return { detail: victim.name, hits: 1 };
};

/** Stops one or some for longer than their leases: what they held belongs to others when they go on. */
const stop: Nemesis = async (field) => {
  const { members, leaseMs, random } = field;
  const first = pick(random, members);
  const victims = members.filter((member) => member === first || random() < 0.3);
  const ms = Math.round(leaseMs * (2 + random()));
  for (const victim of victims) victim.stop();
  await pause(field, ms);
  for (const victim of victims) victim.cont();
  return { detail: `${victims.map(({ name }) => name)} for ${ms} ms`, hits: victims.length };
};

const clockOfOne: Nemesis = (field) => stepClocks(field, [pick(field.random, field.fleet)]);

const clockOfAll: Nemesis = (field) => stepClocks(field, field.fleet);

async function stepClocks(field: Field, victims: readonly Member[]): Promise<Harm> {
  const { leaseMs, random } = field;
  const offset = Math.round((random() < 0.5 ? -1 : 1) * leaseMs * (0.5 + 2 * random()));
  for (const victim of victims) victim.tell(`clock ${offset}`);
  await pause(field, leaseMs * (1 + random()));
  for (const victim of victims) victim.tell('clock 0');
  return { detail: `${victims.map(({ name }) => name)} by ${offset} ms`, hits: victims.length };
}

const full: Nemesis = async (field) => {
  const { room, shrink, random } = field;
  await shrink();
  const empty = await room.fill();
  const ms = Math.round(500 + 2000 * random());
  await pause(field, ms);
  await empty();
  return { detail: `for ${ms} ms`, hits: 1 };
};

/** One process starts where it cannot write the folder of the store; the others go on. */
const readOnly: Nemesis = async (field) => {
  const { fleet, room, random } = field;
  const victim = pick(random, fleet);
  victim.enterBy(room.enterReadOnly);
  victim.kill();
  await pause(field, 3000);
  victim.enterBy(room.enter);
  victim.kill();
  return { detail: victim.name, hits: 1 };
};

/** A process takes the store's lock and is stopped with it: for less than the store's patience, or for more. */
const lock: Nemesis = async (field) => {
  const { room, home, databaseUrl, random } = field;
  const location = databaseUrl ?? join(home, 'store.sqlite');
  const [file = '', ...args] = [...room.enter, process.execPath, LOCKER, 'lock', location, 'null'];
  const holder = execa(file, args, { reject: false, stdin: 'pipe', buffer: false });
  try {
    await once(holder.stdout, 'data');
    holder.stdin.write('go\n');
    await Promise.race([once(holder.stdout, 'data'), holder]);
    holder.kill('SIGSTOP');
    const ms = Math.round(pick(random, [2000, 12_000]));
    await pause(field, ms);
    return { detail: `for ${ms} ms`, hits: 1 };
  } finally {
    holder.kill('SIGKILL');
    await holder;
  }
};

const restart: Nemesis = async (field) => {
  const { restartDatabase, random } = field;
  const times = 1 + Math.floor(2 * random());
  for (let time = 0; time < times; time++) {
    restartDatabase?.();
    await pause(field, 1500 + 2000 * random());
  }
  return { detail: `${times} times`, hits: times };
};

/** The link to the database is half open; then what it swallowed is late, or lost with a word or without. */
const halfOpen =
  (how: 'swallow' | 'deafen', ending: 'resume' | 'reset' | 'forget'): Nemesis =>
  async (field) => {
    const { link, leaseMs, random } = field;
    const ms = Math.round(leaseMs * (0.5 + 2 * random()));
    link?.[how]();
    await pause(field, ms);
    link?.[ending]();
    return { detail: `for ${ms} ms`, hits: 1 };
  };

const EVERYWHERE = { kill, stop, 'clock-one': clockOfOne, 'clock-all': clockOfAll, lock };

/** The nemeses of each database, by name. */
export const NEMESES: Readonly<Record<'sqlite' | 'postgres', Readonly<Record<string, Nemesis>>>> = {
  sqlite: { ...EVERYWHERE, full, 'read-only': readOnly },
  postgres: {
    ...EVERYWHERE,
    restart,
    late: halfOpen('swallow', 'resume'),
    cut: halfOpen('swallow', 'reset'),
    silent: halfOpen('swallow', 'forget'),
    deaf: halfOpen('deafen', 'reset'),
  },
};
