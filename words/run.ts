import { type Arm, wordsOf } from './arms.ts';
import { CostCap, costOf, type Price, type Purse, purse } from './cost.ts';
import { HOST_TOOLS } from './host_tools.ts';
import { type Endpoint, modelAt, type Usage } from './model.ts';
import { play } from './play.ts';
import type { Scenario } from './scenario.ts';
import type { Stages } from './stage.ts';

export interface RunPlan {
  scenarios: readonly Scenario[];
  models: readonly string[];
  arms: readonly Arm[];
  repeat: number;
  endpoint: Omit<Endpoint, 'model'>;
  price: Price;
  /** US dollars. */
  maxCost: number;
  /** The folder with the words of the arm `old`. */
  old?: string | undefined;
}

/** All repetitions of one scenario with one arm and one model. */
export interface Cell {
  model: string;
  scenario: string;
  arm: Arm;
  runs: number;
  passes: number;
  /** In how many different orders tools were called: 1 means that the words bind, or that it goes without saying. */
  ways: number;
  usage: Usage;
  cost: number;
  /** Faults of the runs that failed, each once. */
  faults: string[];
}

export interface RunReport {
  cells: Cell[];
  cost: number;
  /** Why it ended before its end; empty when it did not. */
  ended: string;
}

/** Turns and tokens of a usual run, for the cost that is shown before it starts. */
const USUAL = { turns: 9, said: 250, read: 450 };
const CHARACTERS_A_TOKEN = 4;
/** The servers' tools of one role, at most. */
const TOOL_TOKENS = 3_000;
/** A brief with its words, at most. */
const BRIEF_TOKENS = 2_500;

/** What all runs of a plan will cost, by a usual run; the cap holds whatever they cost in the end. */
export function estimate({ scenarios, models, arms, repeat, price }: RunPlan): {
  runs: number;
  cost: number;
} {
  const host = JSON.stringify(HOST_TOOLS).length / CHARACTERS_A_TOKEN;
  const start = TOOL_TOKENS + BRIEF_TOKENS + host;
  const { turns, said, read } = USUAL;
  const grown = ((turns * (turns - 1)) / 2) * (said + read);
  const runs = scenarios.length * models.length * arms.length * repeat;
  return { runs, cost: runs * costOf({ input: turns * start + grown, output: turns * said }, price) };
}

/**
 * Plays every scenario with every arm and model as often as asked, each time from a fresh context on a fresh copy of
 * its stage, until it is done or the money is spent. Throws what the model's endpoint throws.
 */
export async function runWords(
  plan: RunPlan,
  stages: Stages,
  progress: (line: string) => void,
): Promise<RunReport> {
  const money = purse(plan.price, plan.maxCost);
  const cells: Cell[] = [];
  try {
    for (const model of plan.models)
      for (const scenario of plan.scenarios)
        for (const arm of plan.arms) {
          const cell = emptyCell(model, scenario, arm);
          cells.push(cell);
          await fill(cell, { plan, stages, scenario, money });
          progress(`${cell.scenario} ${arm}: ${cell.passes} of ${cell.runs}`);
        }
  } catch (error) {
    if (!(error instanceof CostCap)) throw error;
    return { cells: cells.filter(({ runs }) => runs > 0), cost: money.spent(), ended: error.message };
  }
  return { cells, cost: money.spent(), ended: '' };
}

const emptyCell = (model: string, { role, id }: Scenario, arm: Arm): Cell => ({
  model,
  scenario: `${role}/${id}`,
  arm,
  runs: 0,
  passes: 0,
  ways: 0,
  usage: { input: 0, output: 0 },
  cost: 0,
  faults: [],
});

interface Filling {
  plan: RunPlan;
  stages: Stages;
  scenario: Scenario;
  money: Purse;
}

async function fill(cell: Cell, { plan, stages, scenario, money }: Filling): Promise<void> {
  const ask = money.metered(modelAt({ ...plan.endpoint, model: cell.model }));
  const words = wordsOf(cell.arm, scenario.role, plan.old);
  const ways = new Set<string>();
  for (let run = 0; run < plan.repeat; run++) {
    const scene = await stages.scene(scenario);
    try {
      const before = money.spent();
      const played = await play(scenario, scene, ask, words);
      cell.runs += 1;
      cell.cost += money.spent() - before;
      cell.passes += played.passed ? 1 : 0;
      cell.usage.input += played.usage.input;
      cell.usage.output += played.usage.output;
      ways.add(played.calls.map(({ tool }) => tool).join(' '));
      cell.ways = ways.size;
      cell.faults = [...new Set([...cell.faults, ...played.faults])];
    } finally {
      await scene.close();
    }
  }
}
