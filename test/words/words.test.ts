import { describe, expect, test } from 'vitest';
import { countInstructions, section, sentences } from '../../cli/audit/measure.ts';
import { stepsWrittenFor } from '../../cli/audit/steps.ts';
import { readRole } from '../../servers/core/words.ts';
import { namesIn, read, shippedFactories, toolNeeds, toolsOf } from './sources.ts';
import { tokens } from './tokens.ts';

const factories = shippedFactories();
const roles = [
  ...new Set([...factories.values()].flatMap(({ factory }) => Object.keys(factory.roles))),
].sort();
const homesOf = (role: string) => [...factories].filter(([, { factory }]) => factory.roles[role]);
const textOf = (role: string) => `${readRole(role).prompt}\n\n${readRole(role).soul}`;
const unique = (names: readonly string[]) => [...new Set(names)].sort();

test('each role of a shipped factory has a prompt and a soul, and there are no others', () => {
  expect(roles.length).toBeGreaterThan(10);
  expect(namesIn('prompts', '.md')).toEqual(roles);
  expect(namesIn('souls', '.md')).toEqual(roles);
});

describe.each(roles)('the words of %s', (role) => {
  const { prompt, soul, reads, produces } = readRole(role);

  // Together these keep a brief's words far below the 2,200 tokens it has for them.
  test('stay within their budgets', () => {
    expect(tokens(prompt), 'prompt').toBeGreaterThanOrEqual(500);
    expect(tokens(read(`prompts/${role}.md`)), 'prompt file').toBeLessThanOrEqual(900);
    expect(tokens(soul), 'soul').toBeGreaterThanOrEqual(250);
    expect(tokens(read(`souls/${role}.md`)), 'soul file').toBeLessThanOrEqual(450);
    expect(countInstructions(prompt) + countInstructions(soul), 'instructions').toBeLessThanOrEqual(40);
  });

  test.each(homesOf(role))('name only tools that the role has in %s', (_, definition) => {
    const needs = toolNeeds();
    const named = unique(textOf(role).match(/\b[a-z]+(?:_[a-z]+)+\b/g) ?? []);
    const allowed = toolsOf(definition, role, needs);
    expect(
      named.filter((name) => !needs.has(name)),
      'names of no tool',
    ).toEqual([]);
    expect(
      named.filter((name) => !allowed.has(name)),
      'tools not granted',
    ).toEqual([]);
  });

  test.each(homesOf(role))('read and produce what the pipelines of %s say', (_, definition) => {
    const steps = stepsWrittenFor(definition, role);
    expect(steps.length).toBeGreaterThan(0);
    expect(unique(reads)).toEqual(unique(steps.flatMap((step) => [...step.reads, ...step.accepts])));
    expect(unique(produces)).toEqual(unique(steps.flatMap((step) => step.writes)));
  });

  test.each(homesOf(role))('speak of no role that %s lacks', (_, { factory }) => {
    const named = textOf(role).match(/\b(?:ceo|cto|cmo|coo|qa|infra|principal[ -]engineer)\b/gi) ?? [];
    expect(
      unique(named.map((name) => name.toLowerCase().replace(' ', '-'))).filter(
        (name) => !factory.roles[name],
      ),
    ).toEqual([]);
  });

  test('have a soul with three to five principles and all its parts', () => {
    const principles = section(soul, 'What I hold').match(/^\d+\. .*/gm) ?? [];
    expect(principles.length).toBeGreaterThanOrEqual(3);
    expect(principles.length).toBeLessThanOrEqual(5);
    for (const principle of principles) expect(principle).toMatch(/^\d\. \*\*.+?\*\*/);
    for (const tie of section(soul, 'When they pull apart').trim().split('\n'))
      expect(tie).toMatch(/^- .+: .+/);
    expect(section(soul, 'How I sound').trim()).not.toBe('');
    expect(section(soul, 'What I refuse to become').trim()).not.toBe('');
  });

  test('say when to stop, and keep steps and excuses to seven', () => {
    expect(section(prompt, 'Stop')).toMatch(/^- /m);
    for (const part of prompt.split(/^## /m)) {
      expect(part.match(/^\d+\. /gm)?.length ?? 0, part.split('\n')[0]).toBeLessThanOrEqual(7);
    }
    if (prompt.includes('## Thoughts to notice')) {
      expect(countInstructions(section(prompt, 'Thoughts to notice'))).toBeLessThanOrEqual(7);
    }
  });
});

test('no two roles share a creed or a sentence', () => {
  const owners = new Map<string, string>();
  const shared = roles.flatMap((role) =>
    unique(sentences(`${textOf(role)}\n\n${readRole(role).creed}`)).filter((sentence) => {
      const owner = owners.get(sentence);
      owners.set(sentence, role);
      return owner !== undefined;
    }),
  );
  expect(owners.size).toBeGreaterThan(300);
  expect(shared).toEqual([]);
  expect(unique(roles.map((role) => readRole(role).creed))).toHaveLength(roles.length);
});
