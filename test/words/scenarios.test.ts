import { expect, test } from 'vitest';
import { readScenarios, rolesWithScenarios, type Scenario } from '../../words/scenario.ts';
import { read, shippedFactories, toolNeeds } from './sources.ts';

const landed = new Set(toolNeeds().keys());
const scenarios = rolesWithScenarios().flatMap((role) => readScenarios(role));
const waits = ({ needs }: Scenario) => needs.some((tool) => !landed.has(tool));
const playable = scenarios.filter((one) => !waits(one));
const rolesOfFactories = new Set(
  [...shippedFactories().values()].flatMap(({ factory }) => Object.keys(factory.roles)),
);

/** Scenarios whose tools have not landed. Take one out when its tools are there: then it is played. */
const WAITING = ['coo/four-fifths'];

test('every role of a shipped factory has six scenarios that are played, one of them a counter-scenario', () => {
  expect(rolesWithScenarios()).toEqual([...rolesOfFactories].sort());
  for (const role of rolesOfFactories) {
    const own = playable.filter((one) => one.role === role);
    expect(own.length, role).toBeGreaterThanOrEqual(6);
    expect(own.filter(({ counter }) => counter).length, role).toBe(1);
  }
});

test('what waits for tools is listed, and nothing waits for tools that are there', () => {
  expect(scenarios.filter(waits).map(({ role, id }) => `${role}/${id}`)).toEqual(WAITING);
  const silent = playable.filter(({ good, bad }) => !good?.length || !bad?.length);
  expect(silent.map(({ role, id }) => `${role}/${id}`)).toEqual([]);
});

test('what a scenario presses is still there', () => {
  const plain = (text: string) => text.replace(/\s+/g, ' ');
  const rules = read('docs/rules.md');
  for (const { role, id, presses, refused } of scenarios) {
    const { prompt = '', soul = '', rule } = presses;
    expect(plain(read(`prompts/${role}.md`)), `${role}/${id}`).toContain(plain(prompt));
    expect(plain(read(`souls/${role}.md`)), `${role}/${id}`).toContain(plain(soul));
    for (const named of [...refused, ...(rule ? [rule] : [])]) expect(rules).toContain(`| \`${named}\` |`);
    if (rule) expect(refused, `${role}/${id}`).toContain(rule);
  }
});
