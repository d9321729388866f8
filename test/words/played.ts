import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readScenarios } from '../../words/scenario.ts';
import { openStages, type Stages } from '../../words/stage.ts';
import { type ScriptedEndpoint, scriptedEndpoint } from './scripted_endpoint.ts';
import { toolNeeds } from './sources.ts';
import { faultsOf, perform } from './told.ts';

/** Roles whose scenarios take git and the sandbox; the others decide and write. Two files, so that they run at once. */
export const BUILDERS = ['developer', 'principal-engineer', 'qa', 'reviewer'];

/** Plays both transcripts of every scenario of these roles whose tools are there. */
export function playAll(roles: readonly string[]): void {
  const landed = toolNeeds();
  const scenarios = roles
    .flatMap((role) => readScenarios(role))
    .filter(({ needs }) => needs.every((tool) => landed.has(tool)));

  describe.concurrent('a scenario tells its good transcript from its bad one', () => {
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
    const named = scenarios.map((one, at) => ({ name: `${one.role}/${one.id}`, one, at }));
    test.each(named)(
      '$name',
      async ({ one, at }) => {
        const { good, bad } = await perform(stages, endpoint, one, at % 2 ? 'openai' : 'anthropic');
        expect(faultsOf(one, { good, bad })).toEqual([]);
        expect(faultsOf(one, { good: bad, bad: good }), 'swapped').not.toEqual([]);
      },
      120_000,
    );
  });
}
