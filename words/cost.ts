import { type Model, TURN_TOKENS, type Usage } from './model.ts';

/** US dollars for a million tokens. */
export interface Price {
  input: number;
  output: number;
}

export const costOf = ({ input, output }: Usage, price: Price): number =>
  (input * price.input + output * price.output) / 1_000_000;

/** The money of a run is spent; what was not played yet is not played. */
export class CostCap extends Error {
  override readonly name = 'CostCap';
}

/** JSON of these texts takes at least two characters a token. */
const CHARACTERS_A_TOKEN = 2;

/**
 * Puts a purse before models. A turn is asked for only when there is room for the most that it can cost, and for one
 * as dear as the dearest so far; otherwise it throws `CostCap`.
 */
export function purse(price: Price, maxCost: number) {
  let spent = 0;
  let dearest = 0;
  return {
    spent: () => spent,
    metered:
      (ask: Model): Model =>
      async (conversation, signal) => {
        const input = JSON.stringify(conversation).length / CHARACTERS_A_TOKEN;
        const most = Math.max(dearest, costOf({ input, output: TURN_TOKENS }, price));
        if (spent + most > maxCost)
          throw new CostCap(
            `${dollars(spent)} of ${dollars(maxCost)} are spent, and the next turn could take more.`,
          );
        const said = await ask(conversation, signal);
        const cost = costOf(said.usage, price);
        spent += cost;
        dearest = Math.max(dearest, cost);
        return said;
      },
  };
}

export type Purse = ReturnType<typeof purse>;

export const dollars = (amount: number): string => `$${amount.toFixed(amount < 1 ? 4 : 2)}`;
