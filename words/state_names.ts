/** The states of a factory that a scenario can begin in; `states.ts` makes them. */
export const STATE_NAMES = [
  /** The role holds nothing and nothing waits for it. */
  'idle',
  /** The task of the brief is held; the inputs lie on its pipeline. */
  'held',
  /** Held, and the human was asked about the step's artifact and has not decided. */
  'asked',
  /** Held, and an infrastructure plan was proposed. */
  'proposed',
  /** Held, and the plan was proposed and approved. */
  'approved',
  /** Held, and a developer's change was submitted for it. */
  'submitted',
  /** Submitted, with every machine gate closed, those of QA too. */
  'gated',
  /** Gated, reviewed and passed; the change waits to be merged. */
  'passed',
  /** What was gated, reviewed and passed is an earlier commit; a later one was submitted after it. */
  'moved',
] as const;

export type StateName = (typeof STATE_NAMES)[number];
