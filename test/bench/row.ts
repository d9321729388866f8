/** One line of the report: what was measured, beside the bare thing it is held against, and the bar. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The same figure of the bare server or loop, in the same unit; null where the bar is a figure of its own. */
  readonly echo: number | null;
  /** `value / echo`. */
  readonly ratio: number | null;
  /** The bar in words, as DESIGN section 10 has it. */
  readonly bar: string;
  readonly pass: boolean;
}

/** What a measurement needs from the run around it. */
export interface Surroundings {
  /** A folder of this run; it goes with it. */
  readonly folder: string;
  /** Aborts when the run is interrupted. */
  readonly signal: AbortSignal;
  /** For the person who waits. */
  progress(line: string): void;
}

/** Each measurement runs this often; the report has the middle one. */
export const ROUNDS = 3;

/** The middle value; of two middle ones the upper. NaN for none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** One round's figures, taken in the same minute on the same machine. */
export interface Round {
  readonly value: number;
  readonly echo: number;
}

/** The round whose `by` is the middle one, so that value, echo and verdict are of the same minute. */
export function middleRound<T extends Round>(rounds: readonly T[], by: (round: T) => number): T {
  const middle = rounds.toSorted((a, b) => by(a) - by(b))[Math.floor(rounds.length / 2)];
  if (!middle) throw new Error('No round was measured.');
  return middle;
}

/** Three decimals: the rest is noise. */
export const rounded = (value: number) => Math.round(value * 1000) / 1000;
