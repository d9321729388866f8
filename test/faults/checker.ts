import type { Final } from './final.ts';
import { describe, type Op } from './history.ts';
import type { Invariant, Violation } from './invariants.ts';
import { replay, type Written } from './replay.ts';

/** A call is answered within 45 seconds; the rest is what a loaded machine needs to say so. */
const LATEST_US = 50_000_000;

export interface Finding {
  violations: Violation[];
  /** Calls whose caller cannot say whether they took effect, and how many of them did. */
  inDoubt: number;
  done: number;
}

/**
 * Compares what all processes saw with what the store holds in the end. The record is one order in which the
 * calls took effect; the checker asks whether that order is legal by itself (replay.ts), whether it holds
 * exactly the calls that were made, and whether it agrees with the order in which they were made.
 */
export function check(ops: readonly Op[], final: Final): Finding {
  const { violations: illegal, written } = replay(final);
  const calls = ops.filter(({ tool }) => tool !== 'open');
  const { effects, faults } = match(calls, written);
  const violations = [
    ...illegal,
    ...(final.record.ok ? [] : [violation('chain', final.record.why)]),
    ...faults,
    ...fences(calls, effects),
    ...oneAtATime(calls, effects, final),
    ...inOrder(effects),
    ...calls.filter(({ code }) => code === 'INTERNAL').map((op) => violation('incident', op.says ?? '', op)),
    ...ops
      .filter(({ from, to }) => Number.isFinite(to) && to - from > LATEST_US)
      .map((op) => violation('late', `answered after ${Math.round((op.to - op.from) / 1e6)} s`, op)),
  ];
  const inDoubt = ops.filter(({ ending }) => ending === 'unknown');
  return { violations, inDoubt: inDoubt.length, done: inDoubt.filter((op) => effects.has(op)).length };
}

const violation = (invariant: Invariant, says: string, ...ops: readonly Op[]): Violation => ({
  invariant,
  says,
  lines: ops.map(describe),
});

const keyOf = ({ tool, session, mark, task, leaseEndsAt }: Op | Written) =>
  tool === 'task_checkout' ? `${session} T-${task} ${leaseEndsAt}` : `${tool} ${mark}`;

/** Finds the entry of each call, and the calls and entries that have no counterpart or too many. */
function match(ops: readonly Op[], written: readonly Written[]) {
  const effects = new Map<Op, Written>();
  const faults: Violation[] = [];
  const left = Map.groupBy(written, keyOf);
  for (const op of ops.filter(({ tool, ending }) => tool !== 'task_checkout' || ending === 'ok')) {
    const [entry, ...more] = left.get(keyOf(op)) ?? [];
    const isCheckout = op.tool === 'task_checkout';
    if (isCheckout) left.set(keyOf(op), more);
    else left.delete(keyOf(op));
    if (op.ending === 'ok' && !entry)
      faults.push(violation('lost', 'acknowledged, and not in the record', op));
    if (op.ending === 'ok' && entry && op.task !== entry.task)
      faults.push(violation('lost', `acknowledged, and in the record as T-${entry.task}`, op));
    if (op.ending === 'fail' && entry)
      faults.push(violation('refused', `refused, and done by entry ${entry.seq}`, op));
    if (!isCheckout && more.length > 0)
      faults.push(violation('twice', `done by entries ${[entry, ...more].map((one) => one?.seq)}`, op));
    if (entry) effects.set(op, entry);
  }
  faults.push(...unasked([...left.values()].flat(), ops, effects));
  return { effects, faults };
}

/** Entries that no answered call explains: each must be a checkout whose caller never heard back. */
function unasked(entries: readonly Written[], ops: readonly Op[], effects: Map<Op, Written>): Violation[] {
  const unheard = Map.groupBy(
    ops.filter(({ tool, ending }) => tool === 'task_checkout' && ending === 'unknown'),
    ({ session }) => session,
  );
  return entries.flatMap((entry): Violation[] => {
    const op = entry.tool === 'task_checkout' ? unheard.get(entry.session)?.shift() : undefined;
    if (op) effects.set(op, entry);
    return op
      ? []
      : [{ invariant: 'one-entry', says: 'nobody made this call', lines: [JSON.stringify(entry)] }];
  });
}

/** Each process saw the fence that the record adds up to, and a later holding never had a lower one. */
function fences(ops: readonly Op[], effects: ReadonlyMap<Op, Written>): Violation[] {
  const found: Violation[] = [];
  const claims = new Map<number, Op[]>();
  for (const op of ops) {
    const entry = effects.get(op);
    if (op.ending !== 'ok' || op.fence === undefined) continue;
    if (entry && entry.tool !== 'task_create' && entry.fence !== op.fence)
      found.push(violation('stale-write', `taken under fence ${op.fence} when it was ${entry.fence}`, op));
    if (op.tool !== 'task_checkout' || op.task === undefined || entry?.again) continue;
    claims.set(op.task, [...(claims.get(op.task) ?? []), op]);
  }
  for (const taken of claims.values()) {
    const byFence = taken.toSorted((a, b) => (a.fence ?? 0) - (b.fence ?? 0));
    for (const [index, later] of byFence.entries()) {
      const earlier = byFence[index - 1];
      if (!earlier) continue;
      if (earlier.fence === later.fence)
        found.push(
          violation('one-holder', `both hold T-${later.task} under fence ${later.fence}`, earlier, later),
        );
      else if (later.to < earlier.from)
        found.push(
          violation('fence-rises', `T-${later.task}: the later holding has the lower fence`, later, earlier),
        );
    }
  }
  return found;
}

/** Two checkouts of one session at the same moment must not both get a task, unless one's lease ended before the other. */
function oneAtATime(ops: readonly Op[], effects: ReadonlyMap<Op, Written>, { activity }: Final): Violation[] {
  const hasEnded = (task: number | undefined, from: number, to: number) =>
    activity.some(
      ({ event, subject, seq }) =>
        event === 'lease.expired' && subject === `task:${task}` && seq > from && seq < to,
    );
  const taken = ops.filter(({ tool, ending }) => tool === 'task_checkout' && ending === 'ok');
  return [...Map.groupBy(taken, ({ session }) => session).values()].flatMap((own) => {
    const inTime = own.toSorted((a, b) => a.from - b.from);
    return inTime.slice(1).flatMap((op, index): Violation[] => {
      const before = inTime[index];
      if (!before || before.to < op.from || before.task === op.task) return [];
      const [first, second] = [before, op]
        .map((one) => ({ task: one.task, seq: effects.get(one)?.seq ?? 0 }))
        .sort((a, b) => a.seq - b.seq);
      if (first && second && hasEnded(first.task, first.seq, second.seq)) return [];
      return [violation('one-task', `took T-${before.task} and T-${op.task} at once`, before, op)];
    });
  });
}

/** Strict serializability: in the order of the record, no call stands behind one that began after its answer. */
function inOrder(effects: ReadonlyMap<Op, Written>): Violation[] {
  const found: Violation[] = [];
  let newest: Op | undefined;
  for (const [op] of [...effects].toSorted(([, a], [, b]) => a.seq - b.seq)) {
    if (newest && op.ending === 'ok' && op.to < newest.from)
      found.push(violation('order', 'answered before the other began, and recorded after it', op, newest));
    if (!newest || op.from > newest.from) newest = op;
  }
  return found;
}
