import type { Factory } from '../../servers/core/factory/definition.ts';
import type { Price } from '../../servers/core/factory/runs.ts';
import type { Seen } from './port.ts';

const MICROS_A_DOLLAR = 1_000_000;

/** All tokens that a host reported: read, cached and written. */
export const tokensOf = ({ input, cached, output }: Pick<Seen, 'input' | 'cached' | 'output'>) =>
  input + cached + output;

/**
 * Micro-dollars, rounded up: by the price in the factory file, else what the host says, else null for unknown. A dollar
 * for a million tokens is a micro-dollar a token.
 */
export function microsOf(seen: Readonly<Seen>, price: Price | undefined): number | null {
  if (!price) return seen.micros;
  const cached = price.cached ?? price.input;
  return Math.ceil(seen.input * price.input + seen.cached * cached + seen.output * price.output);
}

/** What other runs of the last 24 hours used. */
export interface Used {
  readonly runs: number;
  readonly tokens: number;
  readonly micros: number;
}

/** Which bound a run has reached with what was seen of it, as a sentence; undefined while it may go on. */
export function reached(
  { limits: { run, day } }: Pick<Factory, 'limits'>,
  seen: Readonly<Seen>,
  price: Price | undefined,
  others: Used,
): string | undefined {
  const [tokens, micros] = [tokensOf(seen), microsOf(seen, price) ?? 0];
  const over = (used: number, dollars: number | undefined) =>
    dollars !== undefined && used >= dollars * MICROS_A_DOLLAR;
  if (seen.turns > run.turns) return `It took ${seen.turns} turns; a run has ${run.turns}.`;
  if (tokens >= run.tokens) return `It used ${tokens} tokens; a run has ${run.tokens}.`;
  if (over(micros, run.dollars)) return `It cost ${dollars(micros)}; a run may cost $${run.dollars}.`;
  if (others.tokens + tokens >= day.tokens)
    return `The runs of a day have ${day.tokens} tokens; they are used.`;
  if (over(others.micros + micros, day.dollars))
    return `The runs of a day may cost $${day.dollars}; it is spent.`;
  return undefined;
}

/** Why no run may start now; undefined when one may. */
export function dayIsUsed({ limits: { day } }: Pick<Factory, 'limits'>, used: Used): string | undefined {
  if (used.runs >= day.runs) return `A day has ${day.runs} runs.`;
  if (used.tokens >= day.tokens) return `A day has ${day.tokens} tokens.`;
  if (day.dollars !== undefined && used.micros >= day.dollars * MICROS_A_DOLLAR)
    return `A day has $${day.dollars}.`;
  return undefined;
}

/** Whether money is bounded, so that a model without a price cannot be run: unknown is never zero. */
export const needsPrice = ({ limits: { run, day } }: Pick<Factory, 'limits'>) =>
  run.dollars !== undefined || day.dollars !== undefined;

/** Micro-dollars as a person reads them. */
export const dollars = (micros: number) => `$${(micros / MICROS_A_DOLLAR).toFixed(micros < 10_000 ? 4 : 2)}`;
