import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import * as z from 'zod';
import type { Decision, Outcome, Pair } from '../../../words/compare.ts';
import { CostCap, dollars } from '../../../words/cost.ts';
import type { Model } from '../../../words/model.ts';
import type { Cell } from '../../../words/run.ts';
import { EXIT, usageError } from '../../failures.ts';
import { handled } from '../../handled.ts';
import { table } from '../../io.ts';
import { endpointOf, type ModelOptions, priceOf, tooDear, withModelOptions } from './model_options.ts';

interface CompareOptions extends ModelOptions {
  readonly model: string;
  readonly rubric: string;
}

/** Beside the texts: what `words test --json` printed with the words that they were written with. */
const REPORT = 'test.json';

export function compare(program: Command): void {
  const command = program
    .command('compare <old> <new>')
    .description(
      `have the texts of two folders compared blind, task by task (one file each), in both orders; with ${REPORT} in both it says whether to adopt the new words`,
    )
    .requiredOption('--model <name>', 'who judges; of another family than the author')
    .requiredOption('--rubric <file>', 'three to five points that can be seen in a text, one a line');
  withModelOptions(command).action(
    handled<CompareOptions>(async (io, options, old = '', fresh = '') => {
      const { modelAt } = await import('../../../words/model.ts');
      const { decide } = await import('../../../words/compare.ts');
      const { purse } = await import('../../../words/cost.ts');
      const rubric = await readRubric(options.rubric);
      const pairs = await readPairs(old, fresh);
      const tests = await readReports(old, fresh);
      const price = priceOf(options);
      const money = purse(price, options.maxCost);
      const ask = modelAt({ ...endpointOf(options), model: options.model });
      const cost = costOfPairs(pairs, price);
      io.progress(
        `${pairs.length} pairs, about ${dollars(cost)}; never more than ${dollars(options.maxCost)}.`,
      );
      if (cost > options.maxCost)
        throw tooDear(cost, options.maxCost, 'Compare fewer pairs, or allow more with --max-cost.');
      const { outcomes, ended } = await judged(pairs, rubric, money.metered(ask), io.progress);
      const decision = ended ? { adopt: false, why: ended } : decide([...outcomes.values()], tests);
      return resultOf(outcomes, decision, money.spent(), ended);
    }),
  );
}

async function judged(
  pairs: readonly Pair[],
  rubric: readonly string[],
  judge: Model,
  progress: (line: string) => void,
): Promise<{ outcomes: Map<string, Outcome>; ended: string }> {
  const { judgePair } = await import('../../../words/compare.ts');
  const outcomes = new Map<string, Outcome>();
  for (const pair of pairs) {
    try {
      const outcome = await judgePair(pair, rubric, judge);
      outcomes.set(pair.task, outcome);
      progress(`${pair.task}: ${outcome}`);
    } catch (error) {
      if (error instanceof CostCap) return { outcomes, ended: error.message };
      throw error;
    }
  }
  return { outcomes, ended: '' };
}

async function readRubric(file: string): Promise<string[]> {
  const points = (await textOf(file))
    .split('\n')
    .map((line) => line.replace(/^\s*(?:[-*]|\d+\.)\s*/, '').trim());
  const rubric = points.filter((point) => point !== '');
  if (rubric.length < 3 || rubric.length > 5)
    throw usageError(
      'RUBRIC',
      `The rubric has ${rubric.length} points.`,
      'Fix three to five beforehand, one a line.',
    );
  return rubric;
}

async function readPairs(old: string, fresh: string): Promise<Pair[]> {
  const { stripped } = await import('../../../words/compare.ts');
  const { rolesWithScenarios } = await import('../../../words/scenario.ts');
  const [before, after] = await Promise.all([tasksIn(old), tasksIn(fresh)]);
  const alone = [
    ...before.filter((name) => !after.includes(name)),
    ...after.filter((name) => !before.includes(name)),
  ];
  if (alone.length > 0 || before.length === 0)
    throw usageError(
      'PAIRS',
      `No pair: ${alone.join(', ') || 'no texts'}.`,
      'Put one file a task into each folder, under one name.',
    );
  const roles = rolesWithScenarios();
  const textIn = async (folder: string, task: string) => stripped(await textOf(join(folder, task)), roles);
  return Promise.all(
    before.map(async (task) => ({ task, old: await textIn(old, task), new: await textIn(fresh, task) })),
  );
}

const tasksIn = async (folder: string) =>
  (await readdir(folder).catch(() => missing(folder))).filter((name) => name !== REPORT).sort();

const textOf = (file: string) => readFile(file, 'utf8').catch(() => missing(file));

function missing(path: string): never {
  throw usageError('NO_FILE', `${path} cannot be read.`, 'Name a file or folder that is there.');
}

const report = z.object({
  cells: z.array(
    z.object({
      model: z.string(),
      scenario: z.string(),
      arm: z.enum(['none', 'old', 'new']),
      runs: z.number(),
      passes: z.number(),
      ways: z.number(),
      usage: z.object({ input: z.number(), output: z.number() }),
      cost: z.number(),
      faults: z.array(z.string()),
    }),
  ),
});

async function readReports(old: string, fresh: string): Promise<{ old: Cell[]; new: Cell[] } | undefined> {
  const read = async (folder: string) => {
    const text = await readFile(join(folder, REPORT), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const parsed = report.safeParse(parsedJson(text));
    if (!parsed.success)
      throw usageError(
        'REPORT',
        `${join(folder, REPORT)} is no report.`,
        'Keep there what `words test --json` printed.',
      );
    return parsed.data.cells;
  };
  const [before, after] = await Promise.all([read(old), read(fresh)]);
  return before && after && { old: before, new: after };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const CHARACTERS_A_TOKEN = 4;
const AROUND_TOKENS = 400;

function costOfPairs(pairs: readonly Pair[], { input, output }: { input: number; output: number }): number {
  const characters = pairs.reduce((sum, pair) => sum + pair.old.length + pair.new.length, 0);
  const read = 2 * (characters / CHARACTERS_A_TOKEN + pairs.length * AROUND_TOKENS);
  return (read * input + 2 * pairs.length * AROUND_TOKENS * output) / 1_000_000;
}

function resultOf(outcomes: ReadonlyMap<string, Outcome>, decision: Decision, cost: number, ended: string) {
  const pairs = [...outcomes].map(([task, outcome]) => ({ task, outcome }));
  const count = (wanted: Outcome) => pairs.filter(({ outcome }) => outcome === wanted).length;
  const counts = { wins: count('win'), losses: count('loss'), ties: count('tie') };
  const text = [
    table(
      ['task', 'new against old'],
      pairs.map(({ task, outcome }) => [task, outcome]),
    ),
    `${counts.wins} wins, ${counts.losses} losses, ${counts.ties} ties; ${dollars(cost)}.`,
    `${decision.adopt ? 'Adopt the new words' : 'Keep the old words'}: ${decision.why}.`,
  ].join('\n\n');
  return { value: { ...counts, ...decision, pairs, cost, ended }, text, exit: ended ? EXIT.failed : EXIT.ok };
}
