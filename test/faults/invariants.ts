/** What must be so whatever happens; each violation names one of these. */
export const INVARIANTS = {
  'one-holder': 'a task is held by one session at a time',
  'one-task': 'a session takes one task at a time',
  'fence-rises': 'each holding of a task has a higher fence than the one before',
  'stale-write': 'nothing is written by a session that does not hold the task',
  'needs-first': 'a task is taken only after all it needs is done',
  'one-entry': 'each change of state has one entry in the record, and each entry its change',
  chain: "the record's chain verifies",
  lost: 'what was acknowledged is there',
  refused: 'what was refused had no effect',
  twice: 'no call takes effect twice',
  order: 'a call that was answered before another began comes before it in the record',
  incident: 'a fault of the surroundings is answered by an error that says what is wrong',
  late: 'every call is answered within 45 seconds',
  progress: 'when the faults are over, all work that can be done gets done',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  invariant: Invariant;
  says: string;
  /** The lines of the histories and the entries of the record that show it. */
  lines: string[];
}
