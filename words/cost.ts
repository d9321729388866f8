import type { Usage } from './model.ts';

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

/** Adds up what turns cost. `take` throws `CostCap` once there is no room for another turn like the dearest so far. */
export function purse(price: Price, maxCost: number) {
  let spent = 0;
  let dearest = 0;
  return {
    spent: () => spent,
    /** Throws `CostCap` when another turn may not be asked for. */
    open(): void {
      if (spent > 0 && spent + dearest > maxCost)
        throw new CostCap(`${dollars(spent)} of ${dollars(maxCost)} are spent.`);
    },
    take(usage: Usage): void {
      const cost = costOf(usage, price);
      spent += cost;
      dearest = Math.max(dearest, cost);
    },
  };
}

export type Purse = ReturnType<typeof purse>;

export const dollars = (amount: number): string => `$${amount.toFixed(amount < 1 ? 4 : 2)}`;
