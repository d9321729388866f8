import { dollars } from '../../hosts/run/limits.ts';
import type { Factory } from '../../servers/core/factory/definition.ts';
import { roleFor } from '../../servers/core/factory/parse.ts';
import type { Pipeline } from '../../servers/core/factory/pipeline.ts';
import type { Db } from '../../servers/core/store/store.ts';
import { pastRuns } from '../../servers/tasks/runs_queries.ts';

const RUNS_LOOKED_AT = 20;
const MICROS_A_DOLLAR = 1_000_000;

/** What a pipeline may use, from its first round alone to every round it may have. Null: nobody can say. */
export interface Expected {
  runs: { from: number; to: number };
  tokens: { from: number; to: number };
  micros: { from: number; to: number } | null;
  /** Recorded runs that the figures rest on; where a role has none, the limits of the factory file stand in. */
  recorded: number;
}

/** The range before it starts: from what earlier runs of the same roles used, else from nothing up to the limits. */
export async function expectedOf(db: Db, factory: Factory, { phases, rounds }: Pipeline): Promise<Expected> {
  const { run } = factory.limits;
  const steps = phases.flatMap((phase) => phase.steps);
  let [recorded, least, most] = [0, 0, 0];
  let money: { from: number; to: number } | null = { from: 0, to: 0 };
  for (const step of steps) {
    const past = await pastRuns(db, roleFor(factory, step.role) ?? step.role, RUNS_LOOKED_AT);
    recorded += past.length;
    const tokens = past.map((one) => one.tokens);
    least += past.length > 0 ? Math.min(...tokens) : 0;
    most += past.length > 0 ? Math.max(...tokens) : run.tokens;
    const micros = past.map((one) => one.micros);
    const known = micros.filter((one) => one !== null);
    if (money && past.length > 0 && known.length === micros.length)
      money = { from: money.from + Math.min(...known), to: money.to + Math.max(...known) };
    else if (money && run.dollars !== undefined)
      money = { from: money.from, to: money.to + run.dollars * MICROS_A_DOLLAR };
    else money = null;
  }
  return {
    runs: { from: steps.length, to: steps.length * rounds },
    tokens: { from: least, to: most * rounds },
    micros: money && { from: money.from, to: money.to * rounds },
    recorded,
  };
}

/** The range as a person reads it. */
export function expectedText({ runs, tokens, micros, recorded }: Expected): string {
  const count = (n: number) => n.toLocaleString('en-US');
  const money = micros
    ? `${dollars(micros.from)} to ${dollars(micros.to)}`
    : 'money unknown (no price, no limit)';
  const rest =
    recorded > 0 ? `from ${recorded} recorded runs` : 'nothing recorded yet, so these are the limits';
  return `Expected: ${runs.from} to ${runs.to} runs, ${count(tokens.from)} to ${count(tokens.to)} tokens, ${money}; ${rest}.`;
}
