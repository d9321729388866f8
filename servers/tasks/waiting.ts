import type { Services } from '../core/services.ts';
import { promoteWaiting, takeableTasks } from './claim_queries.ts';

/** A task offered to one waiting agent is offered to the next when nobody took it within this time. */
const OFFER_MS = 1_000;

interface Waiter {
  offer(task: number | undefined): void;
}

/** The agents of one role that wait in this process, first come first. */
interface Line {
  readonly waiters: Set<Waiter>;
  /** When each ready task was last offered. */
  readonly offered: Map<number, number>;
}

/** All who wait for work in this process: one looks for all of them. */
interface Room {
  readonly lines: Map<string, Line>;
  serving: boolean;
  /** Aborted when the first of a role comes in: work may be ready for it already. */
  cameIn: AbortController;
}

const rooms = new WeakMap<Services['store'], Room>();

/**
 * Waits for work of a role: resolves with the id of a ready task, or undefined after `ms` or when `signal`
 * aborts. One ready task wakes one waiter of this process, and not a crowd of which all but one find nothing;
 * if that one does not take it, the next is woken. An offer is a hint: the claim decides.
 */
export async function workFor(
  services: Services,
  role: string,
  ms: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const room = roomOf(services);
  const line = lineOf(room, role);
  let timer: NodeJS.Timeout | undefined;
  let waiter: Waiter | undefined;
  const stop = () => waiter?.offer(undefined);
  try {
    return await new Promise<number | undefined>((offer) => {
      waiter = { offer };
      if (line.waiters.size === 0) room.cameIn.abort();
      line.waiters.add(waiter);
      timer = setTimeout(stop, ms);
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      void serve(services, room);
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    if (waiter) line.waiters.delete(waiter);
  }
}

function roomOf({ store }: Services): Room {
  const room = rooms.get(store) ?? { lines: new Map(), serving: false, cameIn: new AbortController() };
  rooms.set(store, room);
  return room;
}

function lineOf({ lines }: Room, role: string): Line {
  const line = lines.get(role) ?? { waiters: new Set(), offered: new Map() };
  lines.set(role, line);
  return line;
}

const awaited = ({ lines }: Room) => [...lines].filter(([, { waiters }]) => waiters.size > 0);

/** Looks once for everybody after each change, for as long as somebody waits. */
async function serve(services: Services, room: Room): Promise<void> {
  if (room.serving) return;
  room.serving = true;
  try {
    while (awaited(room).length > 0) {
      room.cameIn = new AbortController();
      // From before the look on: what changes while it looks is not missed.
      const changed = services.store.changed(OFFER_MS, room.cameIn.signal);
      await offerWork(services, room).catch((error) => services.log(`wait: ${String(error)}`));
      if (awaited(room).length > 0) await changed;
    }
  } finally {
    room.serving = false;
  }
}

async function offerWork(services: Services, room: Room): Promise<void> {
  const now = services.clock.now();
  const lines = awaited(room);
  const most = Math.max(...lines.map(([, { waiters }]) => waiters.size));
  const roles = lines.map(([role]) => role);
  const ready = await takeableTasks(services.store.db, roles, now, most);
  if (ready.some(({ state }) => state === 'waiting'))
    await services.store.transaction((tx) => promoteWaiting(tx, now));
  const byRole = Map.groupBy(ready, ({ role }) => role);
  for (const [role, line] of lines)
    offer(
      line,
      (byRole.get(role) ?? []).map(({ id }) => id),
    );
}

function offer({ waiters, offered }: Line, ready: readonly number[]): void {
  const at = performance.now();
  for (const task of offered.keys()) if (!ready.includes(task)) offered.delete(task);
  for (const id of ready) {
    if (at - (offered.get(id) ?? Number.NEGATIVE_INFINITY) < OFFER_MS) continue;
    const [next] = waiters;
    if (!next) return;
    waiters.delete(next);
    offered.set(id, at);
    next.offer(id);
  }
}
