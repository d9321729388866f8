import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decide, type Outcome, stripped } from '../../words/compare.ts';
import type { Cell } from '../../words/run.ts';
import { readScenarios } from '../../words/scenario.ts';
import { buildOnce, type Desk, openDesk } from '../cli/command.ts';
import { type ScriptedEndpoint, scriptedEndpoint, TURN_USAGE } from './scripted_endpoint.ts';

const PRICE = ['--price', '2,10'];
const turnCost = (TURN_USAGE.input * 2 + TURN_USAGE.output * 10) / 1_000_000;
const decides = readScenarios('ceo').find(({ id }) => id === 'just-decide');

let endpoint: ScriptedEndpoint;
beforeAll(async () => {
  await buildOnce();
  endpoint = await scriptedEndpoint();
}, 120_000);
afterAll(() => endpoint.close());

const wordsTest = (desk: Desk, baseUrl: string, more: readonly string[] = [], env = {}) => {
  const which = ['--role', 'ceo', '--scenario', 'just-decide', '--model', 'scripted', '--api', 'openai'];
  return desk.run(['words', 'test', ...which, '--base-url', baseUrl, ...more], { env });
};

describe('words test', () => {
  test('counts passes, ways, tokens and cost of each arm, and sends the key of the environment', async () => {
    const desk = await openDesk();
    const asked = endpoint.asked.length;
    const url = endpoint.at(decides?.good ?? [], 'openai');
    const more = ['--arms', 'none,new', '--repeat', '2', ...PRICE];
    const { exit, json, stderr } = await wordsTest(desk, url, more, { MILLWRIGHT_MODEL_KEY: 'k-1' });
    expect(exit, stderr).toBe(0);
    const turns = (decides?.good?.length ?? 0) + 1;
    const cell = { model: 'scripted', scenario: 'ceo/just-decide', runs: 2, passes: 2, ways: 1, faults: [] };
    const usage = { input: 2 * turns * TURN_USAGE.input, output: 2 * turns * TURN_USAGE.output };
    expect(json.cells).toMatchObject([
      { ...cell, arm: 'none', usage },
      { ...cell, arm: 'new', usage },
    ]);
    expect(json.cost).toBeCloseTo(4 * turns * turnCost, 8);
    expect(stderr).toMatch(/4 runs, about \$/);
    const own = endpoint.asked.slice(asked);
    expect(own).toHaveLength(4 * turns);
    expect(new Set(own.map(({ key }) => key))).toEqual(new Set(['Bearer k-1']));
    expect(own.filter(({ first }) => first.includes('You decide what this factory works on'))).toHaveLength(
      2 * turns,
    );
  }, 60_000);

  test('says why a run failed, and ends once the money is spent', async () => {
    const desk = await openDesk();
    const url = endpoint.at(decides?.bad ?? [], 'openai');
    const failed = await wordsTest(desk, url, ['--arms', 'new', '--repeat', '1', ...PRICE]);
    expect(failed.json.cells).toMatchObject([
      {
        passes: 0,
        faults: expect.arrayContaining(['forbidden: checkpoint_request', 'missing: activity_log']),
      },
    ]);
    const dear = endpoint.at(decides?.bad ?? [], 'openai', { input: 1_000_000, output: 0 });
    const capped = await wordsTest(desk, dear, [
      '--arms',
      'new',
      '--repeat',
      '2',
      ...PRICE,
      '--max-cost',
      '5',
    ]);
    expect(capped.exit, capped.stderr).toBe(1);
    expect(capped.json).toMatchObject({
      cost: 4,
      ended: expect.stringMatching(/^\$4.00 of \$5.00 are spent/),
    });
  }, 60_000);

  test('starts nothing without a price, without room for the cost, or without old words', async () => {
    const desk = await openDesk();
    const before = endpoint.asked.length;
    const url = endpoint.at([], 'openai');
    const codeOf = async (...more: string[]) => (await wordsTest(desk, url, more)).json.error?.code;
    expect(await codeOf()).toBe('PRICE');
    expect(await codeOf(...PRICE, '--max-cost', '0.001')).toBe('COST');
    expect(await codeOf(...PRICE, '--arms', 'old,new')).toBe('OLD');
    expect(await codeOf(...PRICE, '--base-url', 'ftp://example.com')).toBe('BASE_URL');
    expect(endpoint.asked).toHaveLength(before);
  }, 60_000);
});

describe('words compare', () => {
  /** Two folders with a text a task; the judge likes whatever holds the word. */
  async function compared(judge: (text: string) => string, pairs = 20) {
    const desk = await openDesk();
    for (const side of ['old', 'new']) {
      await mkdir(join(desk.folder, side));
      for (let at = 0; at < pairs; at++)
        await writeFile(
          join(desk.folder, side, `task-${at}.md`),
          `---\nrole: qa\n---\nThe qa says ${side}.\n`,
        );
      const cells = [cellOf({ passes: 5 })];
      await writeFile(join(desk.folder, side, 'test.json'), JSON.stringify({ ok: true, cells }));
    }
    const rubric = join(desk.folder, 'rubric.md');
    await writeFile(rubric, '- It names what was seen\n- It can be repeated\n- It is short\n');
    const url = endpoint.saying(judge, 'anthropic');
    const args = ['--model', 'judge', '--base-url', url, '--rubric', rubric, ...PRICE];
    return desk.run(['words', 'compare', join(desk.folder, 'old'), join(desk.folder, 'new'), ...args]);
  }
  const likes = (word: string) => (text: string) =>
    `verdict: ${text.split('Text B:')[1]?.includes(word) ? 'B' : 'A'}`;

  test('adopts what wins in both orders', async () => {
    const { exit, json, stderr } = await compared(likes('says new'));
    expect(exit, stderr).toBe(0);
    expect(json).toMatchObject({ wins: 20, losses: 0, ties: 0, adopt: true });
    expect((await compared(likes('says old'))).json).toMatchObject({ losses: 20, adopt: false });
  }, 60_000);

  test('a judge who always names the first, or nobody, makes ties; too few pairs adopt nothing', async () => {
    expect((await compared(() => 'verdict: A', 3)).json).toMatchObject({ ties: 3, adopt: false });
    expect((await compared(() => 'I like both.', 3)).json).toMatchObject({ ties: 3, adopt: false });
    expect((await compared(likes('says new'), 3)).json).toMatchObject({ wins: 3, adopt: false });
  }, 60_000);
});

const cellOf = (more: Partial<Cell> = {}): Cell => ({
  model: 'm',
  scenario: 'qa/x',
  arm: 'new',
  runs: 5,
  passes: 5,
  ways: 1,
  usage: { input: 1_000, output: 100 },
  cost: 0,
  faults: [],
  ...more,
});

test('new words are adopted only when no scenario got worse and they grew by a tenth at most', () => {
  const of = (wins: number) => Array.from({ length: 20 }, (_, at): Outcome => (at < wins ? 'win' : 'loss'));
  const same = { old: [cellOf()], new: [cellOf()] };
  expect(decide(of(15), same).adopt).toBe(true);
  expect(decide(of(14), same).adopt).toBe(false);
  expect(decide(of(20), undefined).adopt).toBe(false);
  expect(decide(of(20), { old: [cellOf()], new: [cellOf({ passes: 4 })] }).adopt).toBe(false);
  expect(decide(of(20), { old: [cellOf()], new: [] }).adopt).toBe(false);
  expect(decide(of(20), { ...same, new: [cellOf({ usage: { input: 1_300, output: 100 } })] }).adopt).toBe(
    false,
  );
  expect(decide(of(10), same).adopt).toBe(false);
  expect(decide(of(10), { ...same, new: [cellOf({ usage: { input: 900, output: 100 } })] }).adopt).toBe(true);
});

test('a text is judged without what says whose it is', () => {
  expect(
    stripped('---\nrole: qa\n---\nQA and the principal engineer agree.', ['qa', 'principal-engineer']),
  ).toBe('the author and the the author agree.');
});
