import { describe, expect, test } from 'vitest';
import { check } from './checker.ts';
import type { Final } from './final.ts';
import { type Op, parseHistory } from './history.ts';
import type { Invariant } from './invariants.ts';
import { longestRecovery } from './report.ts';

/** A history that is as it must be; each test spoils one thing. */
interface Story {
  ops: Op[];
  final: Final;
}

const LEASE_1 = '2026-01-01T00:00:01.000Z';
const LEASE_2 = '2026-01-01T00:00:09.000Z';

const op = (index: number, given: Partial<Op>): Op => ({
  place: `w.jsonl:${index}`,
  process: 'w1.1',
  tool: 'task_create',
  session: 'a',
  mark: `m${index}`,
  from: index * 10,
  to: index * 10 + 5,
  ending: 'ok',
  ...given,
});

const entry = (seq: number, tool: string, session: string, task: number, body: object) => ({
  seq,
  session,
  event: 'call',
  tool,
  subject: `task:${task}`,
  body: JSON.stringify(body),
});

/** A task, and one that needs it; the first holder loses its lease, and another one does both. */
function good(): Story {
  const checkout = { tool: 'task_checkout', mark: '' };
  return {
    ops: [
      op(1, { task: 1 }),
      op(2, { task: 2 }),
      op(3, { ...checkout, task: 1, fence: 1, leaseEndsAt: LEASE_1 }),
      op(4, { ...checkout, session: 'b', task: 1, fence: 2, leaseEndsAt: LEASE_2 }),
      op(5, { tool: 'task_complete', task: 1, fence: 1, ending: 'fail', code: 'LEASE_LOST' }),
      op(6, { tool: 'artifact_put', session: 'b', task: 1, fence: 2, artifact: 1 }),
      op(7, { tool: 'task_complete', session: 'b', task: 1, fence: 2 }),
      op(8, { ...checkout, session: 'b', task: 2, fence: 1, leaseEndsAt: LEASE_2 }),
      op(9, { tool: 'task_complete', session: 'b', task: 2, fence: 1, ending: 'unknown', to: Infinity }),
    ],
    final: {
      activity: [
        entry(1, 'task_create', 'a', 1, { input: { title: 'm1', needs: [] }, output: { task: 'T-1' } }),
        entry(2, 'task_create', 'a', 2, { input: { title: 'm2', needs: [1] }, output: { task: 'T-2' } }),
        entry(3, 'task_checkout', 'a', 1, { output: { task: 'T-1', lease_ends_at: LEASE_1 } }),
        {
          ...entry(4, '', 'server', 1, { holder: 'a', fence: 1 }),
          event: 'lease.expired',
        },
        entry(5, 'task_checkout', 'b', 1, { output: { task: 'T-1', lease_ends_at: LEASE_2 } }),
        entry(6, 'artifact_put', 'b', 1, { input: { body: 'm6' }, output: { artifact: 'A-1' } }),
        entry(7, 'task_complete', 'b', 1, { input: { summary: 'm7' }, output: { task: 'T-1' } }),
        entry(8, 'task_checkout', 'b', 2, { output: { task: 'T-2', lease_ends_at: LEASE_2 } }),
        entry(9, 'task_complete', 'b', 2, { input: { summary: 'm9' }, output: { task: 'T-2' } }),
      ],
      tasks: [
        { id: 1, state: 'done', deps_left: 0, lapses: 1 },
        { id: 2, state: 'done', deps_left: 0, lapses: 0 },
      ],
      links: [{ task: 2, needs: 1 }],
      leases: [
        { kind: 'task', subject: 1, holder: null, fence: 2, ends_at: 0 },
        { kind: 'task', subject: 2, holder: null, fence: 1, ends_at: 0 },
      ],
      artifacts: [{ id: 1, task: 1, session: 'b', fence: 2, body: 'm6' }],
      record: { ok: true, entries: 9, head: '' },
      lapses: 3,
    },
  };
}

/** What a spoiled story violates. */
function violated(spoil: (story: Story) => void): Set<Invariant> {
  const story = good();
  spoil(story);
  return new Set(check(story.ops, story.final).violations.map(({ invariant }) => invariant));
}

const opAt = ({ ops }: Story, index: number) => ops[index - 1] as Op;
const entryAt = ({ final }: Story, seq: number) => final.activity[seq - 1] as Final['activity'][number];
/** The store had taken in one more call, after all others. */
const also = ({ final }: Story, tool: string, session: string, task: number, body: object) =>
  final.activity.push(entry(final.activity.length + 1, tool, session, task, body));

test('a history that is as it must be violates nothing', () => {
  expect(violated(() => {})).toEqual(new Set());
});

test('a session whose lease ended between two checkouts of the same moment took one task at a time', () => {
  const twice = (ends: boolean) => (story: Story) => {
    for (const task of [3, 4]) {
      const id = { title: `m${task + 7}` };
      also(story, 'task_create', 'a', task, { input: id, output: { task: `T-${task}` } });
      story.ops.push(op(task + 7, { task }));
    }
    for (const task of [3, 4]) {
      also(story, 'task_checkout', 'c', task, { output: { task: `T-${task}`, lease_ends_at: LEASE_2 } });
      const both = { tool: 'task_checkout', session: 'c', mark: '', task, leaseEndsAt: LEASE_2, fence: 1 };
      story.ops.push(op(12, { ...both, from: 120 + task, to: 130 }));
      if (!ends || task === 4) continue;
      const ended = entry(story.final.activity.length + 1, '', 'server', task, { holder: 'c', fence: 1 });
      story.final.activity.push({ ...ended, event: 'lease.expired' });
    }
    story.final.tasks.push({ id: 3, state: ends ? 'ready' : 'active', deps_left: 0, lapses: ends ? 1 : 0 });
    story.final.tasks.push({ id: 4, state: 'active', deps_left: 0, lapses: 0 });
    story.final.leases.push({ kind: 'task', subject: 3, holder: ends ? null : 'c', fence: 1, ends_at: 0 });
    story.final.leases.push({ kind: 'task', subject: 4, holder: 'c', fence: 1, ends_at: 0 });
  };

  expect(violated(twice(true))).toEqual(new Set());
  expect(violated(twice(false))).toEqual(new Set(['one-task']));
});

describe('a bad history is caught:', () => {
  const bad: [Invariant, string, (story: Story) => void][] = [
    [
      'one-holder',
      'a task is given to a second session while the first one holds it',
      ({ final }) => final.activity.splice(3, 1),
    ],
    [
      'one-holder',
      'two sessions were given one task under one fence',
      (story) => Object.assign(opAt(story, 4), { fence: 1 }),
    ],
    [
      'one-holder',
      'a lease ends that nobody held',
      (story) => Object.assign(entryAt(story, 4), { body: '{"holder":"c","fence":1}' }),
    ],
    [
      'one-task',
      'one session takes two tasks at the same moment',
      (story) => {
        also(story, 'task_create', 'a', 3, { input: { title: 'm10' }, output: { task: 'T-3' } });
        story.ops.push(op(10, { task: 3 }));
        for (const task of [1, 3]) {
          also(story, 'task_checkout', 'c', task, { output: { task: `T-${task}`, lease_ends_at: LEASE_2 } });
          const both = { tool: 'task_checkout', session: 'c', mark: '', task, leaseEndsAt: LEASE_2 };
          story.ops.push(op(11, { ...both, from: 110 + task, to: 120 }));
        }
      },
    ],
    [
      'fence-rises',
      'a later holding has a lower fence',
      (story) => {
        Object.assign(opAt(story, 3), { fence: 2 });
        Object.assign(opAt(story, 4), { fence: 1 });
      },
    ],
    [
      'stale-write',
      'a session completes a task that was taken from it',
      (story) => Object.assign(entryAt(story, 7), { session: 'a' }),
    ],
    [
      'stale-write',
      'a write under the old fence is acknowledged',
      (story) => Object.assign(opAt(story, 7), { fence: 1 }),
    ],
    [
      'needs-first',
      'a task is given out before what it needs is done',
      ({ final }) => final.activity.push(...final.activity.splice(6, 1)),
    ],
    [
      'one-entry',
      'the state changed and no entry says so',
      ({ final }) => Object.assign(final.tasks[1] ?? {}, { state: 'blocked' }),
    ],
    ['one-entry', 'an entry says what the tables do not', ({ final }) => final.artifacts.splice(0, 1)],
    ['one-entry', 'the tables have what no entry says', ({ final }) => final.activity.splice(5, 1)],
    [
      'one-entry',
      'an entry tells of a call that nobody made',
      (story) => also(story, 'task_create', 'c', 9, { input: { title: 'x' }, output: { task: 'T-9' } }),
    ],
    [
      'chain',
      'the record was changed',
      ({ final }) => Object.assign(final, { record: { ok: false, entries: 3, seq: 4, why: 'changed' } }),
    ],
    ['lost', 'an acknowledged call is gone', ({ final }) => final.activity.splice(5, 1)],
    [
      'lost',
      'a task that was acknowledged under one id has another',
      (story) => Object.assign(opAt(story, 2), { task: 7 }),
    ],
    [
      'refused',
      'a refused call took effect',
      (story) => Object.assign(opAt(story, 7), { ending: 'fail', code: 'UPSTREAM' }),
    ],
    [
      'twice',
      'a call took effect twice',
      (story) => also(story, 'task_create', 'a', 3, { input: { title: 'm1' }, output: { task: 'T-3' } }),
    ],
    [
      'order',
      'a call is recorded before one that was answered before it began',
      (story) => Object.assign(opAt(story, 2), { from: 1, to: 2 }),
    ],
    [
      'incident',
      'a fault of the surroundings is answered as an incident',
      (story) => Object.assign(opAt(story, 9), { code: 'INTERNAL' }),
    ],
    ['late', 'an answer takes a minute', (story) => Object.assign(opAt(story, 8), { from: -60e6 })],
  ];

  test.each(bad)('%s: %s', (invariant, _says, spoil) => {
    expect(violated(spoil)).toContain(invariant);
  });
});

test('a call whose process died before the answer may have taken effect', () => {
  const { ops, final } = good();

  expect(check(ops, final)).toMatchObject({ violations: [], inDoubt: 1, done: 1 });
});

test('a call whose process died before the answer may have had no effect', () => {
  const without = violated(({ final }) => {
    final.activity.pop();
    Object.assign(final.tasks[1] ?? {}, { state: 'active' });
    Object.assign(final.leases[1] ?? {}, { holder: 'b' });
  });
  expect(without).toEqual(new Set());
});

test('reads a history whose process was killed in the middle of a line', () => {
  const call = { op: 1, tool: 'task_create', session: 'a', mark: 'm' };
  const lines = [
    { at: 1, type: 'invoke', ...call },
    { at: 2, type: 'ok', ...call, task: 4 },
    { at: 3, type: 'invoke', ...call, op: 2 },
  ].map((line) => JSON.stringify(line));

  const ops = parseHistory('w1.2.jsonl', `${lines.join('\n')}\n{"at":4,"type":"o`);

  expect(ops).toMatchObject([
    { process: 'w1.2', place: 'w1.2.jsonl:1,2', ending: 'ok', task: 4, from: 1, to: 2 },
    { place: 'w1.2.jsonl:3', ending: 'unknown', to: Infinity },
  ]);
});

test('the longest recovery is that of the process which waited longest for an answer', () => {
  const answer = (process: string, ms: number, more: Partial<Op> = {}) =>
    op(1, { process, to: ms * 1000, ...more });
  const ops = [
    answer('w1.1', 1500),
    answer('w1.1', 1200, { ending: 'fail', code: 'UPSTREAM' }),
    answer('w2.1', 900),
    answer('w2.2', 1800),
  ];

  expect(longestRecovery(ops, [{ name: 'kill', detail: 'w2', hits: 1, from: 0, to: 1_000_000 }])).toEqual({
    ms: 800,
    process: 'w2',
    fault: 'kill w2',
  });
});
