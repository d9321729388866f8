import { modelAt } from '../../words/model.ts';
import { type Played, play } from '../../words/play.ts';
import type { Move, Scenario } from '../../words/scenario.ts';
import { score } from '../../words/score.ts';
import type { Stages } from '../../words/stage.ts';
import type { ScriptedEndpoint } from './scripted_endpoint.ts';

export interface Performed {
  good: Played;
  bad: Played;
}

/** Plays both transcripts of a scenario, each from the start, against real servers. */
export async function perform(
  stages: Stages,
  endpoint: ScriptedEndpoint,
  scenario: Scenario,
  api: 'openai' | 'anthropic',
): Promise<Performed> {
  const one = async (transcript: readonly Move[] = []) => {
    const scene = await stages.scene(scenario);
    try {
      const baseUrl = endpoint.at(transcript, api);
      return await play(scenario, scene, modelAt({ api, baseUrl, model: 'scripted' }), null);
    } finally {
      await scene.close();
    }
  };
  return { good: await one(scenario.good), bad: await one(scenario.bad) };
}

/** What is wrong with a scenario after its transcripts were played; empty when it tells them apart as it claims. */
export function faultsOf(scenario: Scenario, { good, bad }: Performed): string[] {
  const forGood = score(scenario, good.calls);
  const forBad = score(scenario, bad.calls);
  const claimed = [...scenario.refused].sort().join(', ');
  const refused = [...bad.rules].sort().join(', ');
  const failing = (calls: Played['calls']) => calls.filter((call) => call.refused).map(({ tool }) => tool);
  return [
    ...forGood.faults.map((fault) => `good: ${fault}`),
    ...(good.rules.length > 0 ? [`good: refused by ${good.rules.join(', ')}`] : []),
    ...(failing(good.calls).length > 0 ? [`good: not answered: ${failing(good.calls).join(', ')}`] : []),
    ...(forBad.passed ? ['bad: passes'] : []),
    ...(refused === claimed
      ? []
      : [`bad: refused by ${refused || 'nothing'}, claimed ${claimed || 'nothing'}`]),
  ];
}
