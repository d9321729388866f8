import type { Final } from './final.ts';
import type { Invariant, Violation } from './invariants.ts';

interface Task {
  state: 'open' | 'active' | 'done' | 'blocked';
  needs: number[];
  holder: string | undefined;
  fence: number;
  lapses: number;
}

type Entry = Final['activity'][number];

/** An entry of the record as the checker needs it. */
export interface Written {
  seq: number;
  session: string;
  tool: string;
  task: number;
  /** The call's own text. */
  mark: string;
  /** What the task's fence was after this entry. */
  fence: number;
  /** Of a checkout that gave the task its session held already. */
  again: boolean;
  leaseEndsAt: string | undefined;
  artifact: number | undefined;
}

interface Body {
  input?: {
    title?: string;
    summary?: string;
    why?: string;
    progress?: string;
    body?: string;
    needs?: (string | number)[];
  };
  output?: { task?: string; state?: string; artifact?: string; lease_ends_at?: string };
  holder?: string;
  fence?: number;
}

const number = (id: string | number | undefined) => Number(String(id ?? '').replace(/^\w-/, ''));

/**
 * Plays the record from its beginning on a model of tasks and leases that knows no clock and no database, and
 * compares the end with the tables. Gives what did not fit, and the entries that are calls.
 */
export function replay(final: Final): { violations: Violation[]; written: Written[] } {
  const tasks = new Map<number, Task>();
  const violations: Violation[] = [];
  const written: Written[] = [];
  for (const entry of final.activity) {
    const body = JSON.parse(entry.body || '{}') as Body;
    const refuse = (invariant: Invariant, says: string) =>
      violations.push({ invariant, says, lines: [`entry ${entry.seq}: ${JSON.stringify(entry)}`] });
    if (entry.event === 'lease.expired') expire(tasks, entry, body, final.lapses, refuse);
    if (entry.event === 'call') {
      const one = write(tasks, entry, body, refuse);
      if (one) written.push(one);
    }
  }
  return { violations: [...violations, ...compare(tasks, written, final)], written };
}

function expire(
  tasks: Map<number, Task>,
  { subject }: Entry,
  { holder, fence }: Body,
  limit: number,
  refuse: (invariant: Invariant, says: string) => void,
): void {
  const task = tasks.get(number(subject.replace('task:', '')));
  if (!task || task.holder !== holder || task.fence !== fence) {
    refuse('one-holder', `a lease ended that ${holder} did not hold under fence ${fence}`);
    return;
  }
  task.holder = undefined;
  task.lapses++;
  task.state = task.lapses >= limit ? 'blocked' : 'open';
}

function write(
  tasks: Map<number, Task>,
  { seq, session, tool, subject }: Entry,
  { input = {}, output = {} }: Body,
  refuse: (invariant: Invariant, says: string) => void,
): Written | undefined {
  const id = output.task === undefined ? number(subject.replace('task:', '')) : number(output.task);
  const fresh: Task = { state: 'open', needs: [], holder: undefined, fence: 0, lapses: 0 };
  const task = tasks.get(id) ?? fresh;
  let again = false;
  if (tool === 'task_create') {
    if (tasks.has(id)) refuse('one-entry', `T-${id} was created twice`);
    tasks.set(id, { ...fresh, needs: [...new Set((input.needs ?? []).map(number))] });
  } else if (!tasks.has(id)) {
    refuse('one-entry', `T-${id} was never created`);
    return undefined;
  } else if (tool === 'task_checkout') {
    again = task.holder === session;
    if (!again) claim(tasks, id, task, session, refuse);
  } else {
    if (task.holder !== session)
      refuse('stale-write', `${session} wrote for T-${id}, held by ${task.holder ?? 'nobody'}`);
    const next = ENDS[tool];
    if (next) Object.assign(task, { state: next, holder: undefined });
  }
  return {
    seq,
    session,
    tool,
    task: id,
    fence: task.fence,
    again,
    mark: input.title ?? input.summary ?? input.why ?? input.progress ?? input.body ?? '',
    leaseEndsAt: output.lease_ends_at,
    artifact: output.artifact === undefined ? undefined : number(output.artifact),
  };
}

const ENDS: Readonly<Record<string, Task['state']>> = {
  task_complete: 'done',
  task_return: 'open',
  task_block: 'blocked',
};

function claim(
  tasks: ReadonlyMap<number, Task>,
  id: number,
  task: Task,
  session: string,
  refuse: (invariant: Invariant, says: string) => void,
): void {
  if (task.holder !== undefined) refuse('one-holder', `T-${id} was taken although ${task.holder} holds it`);
  else if (task.state !== 'open') refuse('one-entry', `T-${id} was taken although it is ${task.state}`);
  const open = task.needs.filter((need) => tasks.get(need)?.state !== 'done');
  if (open.length > 0) refuse('needs-first', `T-${id} was taken before ${open.map((need) => `T-${need}`)}`);
  Object.assign(task, { state: 'active', holder: session, fence: task.fence + 1 });
}

/** The tables must say exactly what the record adds up to. */
function compare(tasks: ReadonlyMap<number, Task>, written: readonly Written[], final: Final): Violation[] {
  const differences: string[] = [];
  const leases = new Map(final.leases.map((lease) => [lease.subject, lease]));
  const rows = new Map(final.tasks.map((row) => [row.id, row]));
  for (const id of new Set([...tasks.keys(), ...rows.keys()])) {
    const [task, row, lease] = [tasks.get(id), rows.get(id), leases.get(id)];
    const wanted = task && {
      state: task.state,
      open: task.needs.filter((need) => tasks.get(need)?.state !== 'done').length,
      lapses: task.lapses,
      holder: task.holder ?? null,
      fence: task.fence,
    };
    const found = row && {
      state: row.state === 'ready' || row.state === 'waiting' ? 'open' : row.state,
      open: row.deps_left,
      lapses: row.lapses,
      holder: lease?.holder ?? null,
      fence: lease?.fence ?? 0,
    };
    if (JSON.stringify(wanted) !== JSON.stringify(found))
      differences.push(
        `T-${id}: the record says ${JSON.stringify(wanted)}, the tables ${JSON.stringify(found)}`,
      );
  }
  const artifact = ({ id, task, session, fence, body }: Final['artifacts'][number]) =>
    `A-${id} of T-${task} under fence ${fence} by ${session}: ${body}`;
  const recorded = written
    .filter(({ tool }) => tool === 'artifact_put')
    .map((one) => artifact({ ...one, id: one.artifact ?? 0, body: one.mark }));
  differences.push(...apart(recorded, final.artifacts.map(artifact)));
  return differences.map((line) => ({
    invariant: 'one-entry',
    says: 'the record and the tables tell different things',
    lines: [line],
  }));
}

function apart(recorded: readonly string[], kept: readonly string[]): string[] {
  const [inRecord, inTable] = [new Set(recorded), new Set(kept)];
  return [
    ...recorded.filter((one) => !inTable.has(one)).map((one) => `only the record has ${one}`),
    ...kept.filter((one) => !inRecord.has(one)).map((one) => `only the tables have ${one}`),
  ];
}
