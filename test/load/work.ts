import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Seat } from './seat.ts';

/** A task that nobody took for so long, while one agent of its role waited all that time, was not announced. */
const LOST_WAKE_UP_MS = 5_000;

export interface Tally {
  created: number;
  completed: number;
  calls: number;
  /** Answers nobody should get, with the tool that gave them. */
  errors: string[];
  lostWakeUps: number;
  /** Milliseconds from the acknowledged creation of a task to its acknowledged checkout. */
  waits: number[];
  /** When the creation of each task was acknowledged, while nobody has it. */
  open: Map<string, number>;
  /** Since when the agents of each role that wait now have been waiting. */
  waiting: Map<string, Set<{ since: number }>>;
  /** Tasks whose work a cut connection left unclear. */
  unclear: number;
}

export const newTally = (): Tally => ({
  created: 0,
  completed: 0,
  calls: 0,
  errors: [],
  lostWakeUps: 0,
  waits: [],
  open: new Map(),
  waiting: new Map(),
  unclear: 0,
});

/** What a call may honestly answer after the server that was asked first died. */
const AFTER_A_CUT = /^(CONFLICT|LEASE_LOST|NOT_FOUND)/;

async function call(seat: Seat, tally: Tally, tool: string, args: object, signal: AbortSignal) {
  tally.calls++;
  const answer = await seat.call(tool, args, signal);
  if (answer.wasCut) tally.unclear++;
  const excused = answer.wasCut && AFTER_A_CUT.test(answer.text);
  if (answer.isError && !excused && !isNothingReady(answer)) tally.errors.push(`${tool}: ${answer.text}`);
  return answer;
}

/** Two servers may wake an agent each for one task; the later one finds it taken. */
const isNothingReady = ({ text }: Answer) => text.startsWith('NOT_FOUND: No task is ready');

/** Waits for work of its role, does it and hands it in, until `signal` aborts. */
export async function work(seat: Seat, role: string, tally: Tally, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const woken = await waitForWork(seat, role, tally, signal);
    if (woken.isError || woken.value.still_waiting === true) continue;
    const brief = await call(seat, tally, 'task_checkout', {}, signal);
    if (brief.isError) continue;
    taken(tally, role, String(brief.value.task));
    const done = await call(seat, tally, 'task_complete', { summary: 'Done, and seen.' }, signal);
    if (!done.isError || done.wasCut) tally.completed++;
  }
}

async function waitForWork(seat: Seat, role: string, tally: Tally, signal: AbortSignal): Promise<Answer> {
  const others = tally.waiting.get(role) ?? new Set();
  const me = { since: performance.now() };
  tally.waiting.set(role, others.add(me));
  try {
    return await call(seat, tally, 'task_wait', { seconds: 20 }, signal);
  } finally {
    others.delete(me);
  }
}

function taken(tally: Tally, role: string, task: string): void {
  const created = tally.open.get(task);
  if (created === undefined) return;
  tally.open.delete(task);
  const now = performance.now();
  tally.waits.push(now - created);
  const longest = Math.min(...[...(tally.waiting.get(role) ?? [])].map(({ since }) => since));
  if (now - Math.max(created, longest) > LOST_WAKE_UP_MS) tally.lostWakeUps++;
}

/** Creates tasks for the roles in turn, `perSecond` of them whatever the answers take, until `signal` aborts. */
export async function plan(
  seats: readonly Seat[],
  roles: readonly string[],
  perSecond: number,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const since = performance.now();
  const running = new Set<Promise<void>>();
  for (let n = 0; !signal.aborted; n++) {
    const due = since + (n * 1000) / perSecond;
    await sleep(Math.max(0, due - performance.now()), undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    const creating = create(
      seats[n % seats.length] as Seat,
      roles[n % roles.length] as string,
      n,
      tally,
      signal,
    );
    running.add(creating);
    void creating.finally(() => running.delete(creating));
  }
  await Promise.all(running);
}

async function create(seat: Seat, role: string, n: number, tally: Tally, signal: AbortSignal): Promise<void> {
  const args = {
    title: `Load ${n}`,
    description: 'Something small.',
    role,
    criteria: ['It is done.'],
    stops: ['It is not clear.'],
  };
  const made = await call(seat, tally, 'task_create', args, signal).catch((error) => {
    if (!signal.aborted) tally.errors.push(String(error));
    return undefined;
  });
  if (!made || made.isError) return;
  tally.created++;
  tally.open.set(String(made.value.task), performance.now());
}
