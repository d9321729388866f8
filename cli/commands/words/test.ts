import { type Command, InvalidArgumentError } from 'commander';
import { ARMS, type Arm } from '../../../words/arms.ts';
import { dollars } from '../../../words/cost.ts';
import type { RunPlan, RunReport } from '../../../words/run.ts';
import type { Scenario } from '../../../words/scenario.ts';
import { EXIT, usageError } from '../../failures.ts';
import { handled } from '../../handled.ts';
import { shown, table } from '../../io.ts';
import { endpointOf, type ModelOptions, priceOf, tooDear, withModelOptions } from './model_options.ts';

interface TestOptions extends ModelOptions {
  readonly role?: string;
  readonly scenario?: string;
  readonly model: readonly string[];
  readonly arms?: readonly Arm[];
  readonly old?: string;
  readonly repeat: number;
  readonly scenarios?: string;
}

export function test(program: Command): void {
  const command = program
    .command('test')
    .description(
      'play the scenarios of roles with a real model against real servers, and count what it calls',
    )
    .option('--role <role>', 'only this role')
    .option('--scenario <id>', 'only this one')
    .requiredOption('--model <names...>', 'the models to ask')
    .option(
      '--arms <list>',
      `which of ${ARMS.join(', ')}: without words, with those of --old, with those here`,
      arms,
    )
    .option('--old <dir>', 'a folder with other prompts/ and souls/')
    .option('--repeat <n>', 'how often each', times, 5)
    .option('--scenarios <dir>', 'a folder with scenarios of your own');
  withModelOptions(command).action(
    handled<TestOptions>(async (io, options) => {
      const { openStages } = await import('../../../words/stage.ts');
      const { estimate, runWords } = await import('../../../words/run.ts');
      const stages = await openStages();
      try {
        const plan = await planOf(options, stages.tools);
        const { runs, cost } = estimate(plan);
        io.progress(`${runs} runs, about ${dollars(cost)}; never more than ${dollars(plan.maxCost)}.`);
        if (cost > plan.maxCost)
          throw tooDear(
            cost,
            plan.maxCost,
            'Name one role, fewer arms or repetitions, or allow more with --max-cost.',
          );
        return resultOf(await runWords(plan, stages, io.progress), cost);
      } finally {
        await stages.close();
      }
    }),
  );
}

async function planOf(options: TestOptions, tools: ReadonlySet<string>): Promise<RunPlan> {
  const { role, model, repeat, maxCost, old } = options;
  const { readScenarios, rolesWithScenarios, SCENARIOS } = await import('../../../words/scenario.ts');
  const folder = options.scenarios ?? SCENARIOS;
  const roles = rolesWithScenarios(folder);
  if (role !== undefined && !roles.includes(role))
    throw usageError(
      'ROLE',
      `There are no scenarios of "${shown(role)}".`,
      `Name one of ${roles.join(', ')}.`,
    );
  const all = roles
    .filter((one) => role === undefined || one === role)
    .flatMap((one) => readScenarios(one, folder));
  const scenarios = all.filter(
    ({ id, needs }: Scenario) =>
      (options.scenario === undefined || id === options.scenario) && needs.every((tool) => tools.has(tool)),
  );
  if (scenarios.length === 0)
    throw usageError('SCENARIO', 'No scenario is left to play.', 'Leave out --scenario.');
  const wanted = options.arms ?? (old === undefined ? (['none', 'new'] as const) : ARMS);
  if (wanted.includes('old') && old === undefined)
    throw usageError(
      'OLD',
      'Nothing says which words are the old ones.',
      'Name their folder with --old DIR.',
    );
  const price = priceOf(options);
  return {
    scenarios,
    models: model,
    arms: wanted,
    repeat,
    endpoint: endpointOf(options),
    price,
    maxCost,
    old,
  };
}

function resultOf({ cells, cost, ended }: RunReport, estimated: number) {
  const rows = cells.map(({ model, scenario, arm, passes, runs, ways, usage, cost: took, faults }) => [
    model,
    scenario,
    arm,
    `${passes}/${runs}`,
    String(ways),
    String(usage.input + usage.output),
    dollars(took),
    arm === 'none' && passes === runs ? 'holds without words' : shown(faults.join('; ')),
  ]);
  const text = [
    table(['model', 'scenario', 'arm', 'passes', 'ways', 'tokens', 'cost', 'why'], rows),
    `${dollars(cost)} in all.${ended && ` Ended early: ${ended}`}`,
  ].join('\n\n');
  return { value: { cells, cost, estimated, ended }, text, exit: ended ? EXIT.failed : EXIT.ok };
}

function arms(text: string): Arm[] {
  const wanted = text.split(',');
  if (!wanted.every((one): one is Arm => (ARMS as readonly string[]).includes(one)))
    throw new InvalidArgumentError(`Name some of ${ARMS.join(', ')}.`);
  return wanted;
}

function times(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 50) throw new InvalidArgumentError('Give 1 to 50.');
  return value;
}
