import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readScenarios, rolesWithScenarios, type Scenario } from '../../words/scenario.ts';
import { openStages, type Stages } from '../../words/stage.ts';
import { type ScriptedEndpoint, scriptedEndpoint } from './scripted_endpoint.ts';
import { toolNeeds } from './sources.ts';
import { faultsOf, perform } from './told.ts';

const only = process.env.ONLY?.split(',');
const landed = new Set(toolNeeds().keys());
const scenarios = rolesWithScenarios().flatMap((role) => readScenarios(role));
const waits = ({ needs }: Scenario) => needs.some((tool) => !landed.has(tool));
const playable = scenarios.filter((one) => !waits(one) && (only?.includes(`${one.role}/${one.id}`) ?? true));

let stages: Stages;
let endpoint: ScriptedEndpoint;
beforeAll(async () => {
  stages = await openStages();
  endpoint = await scriptedEndpoint();
});
afterAll(async () => {
  await endpoint.close();
  await stages.close();
});

describe.concurrent('a scenario tells its good transcript from its bad one', () => {
  test.each(playable.map((one, at) => [`${one.role}/${one.id}`, one, at % 2 ? 'openai' : 'anthropic'] as const))(
    '%s',
    async (_, scenario, api) => {
      const { good, bad } = await perform(stages, endpoint, scenario, api);
      expect(faultsOf(scenario, { good, bad })).toEqual([]);
      expect(faultsOf(scenario, { good: bad, bad: good }), 'swapped').not.toEqual([]);
    },
  );
});
