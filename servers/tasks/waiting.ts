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
  serving: boolean;
}

const lines = new WeakMap<Services['store'], Map<string, Line>>();

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
  const line = lineOf(services, role);
  let timer: NodeJS.Timeout | undefined;
  let waiter: Waiter | undefined;
  const stop = () => waiter?.offer(undefined);
  try {
    return await new Promise<number | undefined>((offer) => {
      waiter = { offer };
      line.waiters.add(waiter);
      timer = setTimeout(stop, ms);
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      void serve(services, role, line);
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    if (waiter) line.waiters.delete(waiter);
  }
}

function lineOf({ store }: Services, role: string): Line {
  const ofStore = lines.get(store) ?? new Map<string, Line>();
  lines.set(store, ofStore);
  const line = ofStore.get(role) ?? { waiters: new Set(), offered: new Map(), serving: false };
  ofStore.set(role, line);
  return line;
}

/** Looks once for the whole line after each change, for as long as somebody waits in it. */
async function serve(services: Services, role: string, line: Line): Promise<void> {
  if (line.serving) return;
  line.serving = true;
  try {
    while (line.waiters.size > 0) {
      await offerWork(services, role, line).catch((error) => services.log(`wait: ${String(error)}`));
      if (line.waiters.size > 0) await services.store.changed(OFFER_MS);
    }
  } finally {
    line.serving = false;
  }
}

async function offerWork(services: Services, role: string, line: Line): Promise<void> {
  const now = services.clock.now();
  const ready = await takeableTasks(services.store.db, role, now, line.waiters.size);
  if (ready.some(({ state }) => state === 'waiting'))
    await services.store.transaction((tx) => promoteWaiting(tx, now));
  const at = performance.now();
  for (const task of line.offered.keys()) if (!ready.some(({ id }) => id === task)) line.offered.delete(task);
  for (const { id } of ready) {
    if (at - (line.offered.get(id) ?? Number.NEGATIVE_INFINITY) < OFFER_MS) continue;
    const [next] = line.waiters;
    if (!next) return;
    line.waiters.delete(next);
    line.offered.set(id, at);
    next.offer(id);
  }
}
