import { closeSync, openSync, writeSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How a call ended: it took effect, it did not, or nobody can say. */
export type Ending = 'ok' | 'fail' | 'unknown';

/** What a process knows of a call, as far as it knows it. */
export interface Seen {
  task?: number | undefined;
  /** The fence the session held the task under when it called, or got by the call. */
  fence?: number | undefined;
  artifact?: number | undefined;
  leaseEndsAt?: string | undefined;
  /** Of a refusal, or of why the ending is unknown. */
  code?: string | undefined;
  says?: string | undefined;
}

interface Line extends Seen {
  /** Microseconds of the machine's monotonic clock, which all processes share and nobody can set. */
  at: number;
  op: number;
  type: 'invoke' | Ending;
  tool: string;
  session: string;
  mark: string;
}

/** One call of one process, from the two lines it left. */
export interface Op extends Seen {
  /** File and line of the call, for whoever reads a violation. */
  place: string;
  process: string;
  tool: string;
  session: string;
  /** Text that no other call has; it is found again in the record. Empty for calls that take no text. */
  mark: string;
  from: number;
  /** Infinity when the process never heard back. */
  to: number;
  ending: Ending;
}

export const monotonic = () => Number(process.hrtime.bigint() / 1000n);

/** Writes calls to a file of this process alone; each line is written whole before the next step is made. */
export function openHistory(file: string) {
  const handle = openSync(file, 'a');
  const write = (line: Line) => writeSync(handle, `${JSON.stringify(line)}\n`);
  let ops = 0;
  return {
    /** Notes that a call begins; what it returns notes how that call ended. */
    invoke(tool: string, session: string, mark: string, seen: Seen = {}) {
      const call = { op: ++ops, tool, session, mark };
      write({ at: monotonic(), ...call, type: 'invoke', ...seen });
      return (type: Ending, more: Seen) => void write({ at: monotonic(), ...call, type, ...seen, ...more });
    },
    close: () => closeSync(handle),
  };
}

/** All calls of all processes; one whose process died before the answer ends as unknown. */
export async function readHistories(folder: string): Promise<Op[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).sort();
  const ops: Op[] = [];
  for (const name of names) ops.push(...parseHistory(name, await readFile(join(folder, name), 'utf8')));
  return ops;
}

/** The calls in one file; its last line may be torn, because a process may be killed in the middle of it. */
export function parseHistory(name: string, text: string): Op[] {
  const ops = new Map<number, Op>();
  const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  for (const [index, json] of whole.entries()) {
    if (json === '') continue;
    const { at, op, type, ...rest } = JSON.parse(json) as Line;
    const place = `${name}:${index + 1}`;
    if (type === 'invoke') {
      const process = name.replace(/\.jsonl$/, '');
      ops.set(op, { place, process, ...rest, from: at, to: Number.POSITIVE_INFINITY, ending: 'unknown' });
    } else {
      const invoked = ops.get(op);
      if (!invoked) throw new Error(`${place}: the end of a call that never began`);
      Object.assign(invoked, rest, { place: `${invoked.place},${index + 1}`, to: at, ending: type });
    }
  }
  return [...ops.values()];
}

/** One call as a line in a report. */
export function describe(op: Op): string {
  const known = [
    op.task === undefined ? '' : `T-${op.task}`,
    op.fence === undefined ? '' : `fence ${op.fence}`,
    op.mark,
    op.ending,
    op.code ?? '',
  ];
  return `${op.place} ${op.tool} ${known.filter(Boolean).join(' ')} [${op.from}..${op.to}]`;
}

/** Whether the store had its say in a call, be it a refusal. */
export const isAnswer = ({ tool, ending, code }: Op) =>
  tool !== 'open' && ending !== 'unknown' && code !== 'UPSTREAM';

/** The process that made a call, whichever of its lives it was. */
export const workerOf = ({ process }: Op) => process.split('.')[0] ?? '';
