import { describe, expect, test } from 'vitest';
import { section } from '../../cli/audit/measure.ts';
import { namesIn, read, toolNeeds } from './sources.ts';
import { tokens } from './tokens.ts';

const STACKS = ['astro', 'hono-workers', 'nextjs', 'node-library', 'other', 'rails'];
const SLOTS = [
  'check',
  'install',
  'name',
  'pointers',
  'purpose',
  'run',
  'test',
  'test_one',
  'traps',
  'untouchable',
];

test('there is one template for each stack', () => {
  expect(namesIn('claude-md-templates', '.md')).toEqual(STACKS);
});

describe.each(STACKS)('the CLAUDE.md of %s', (stack) => {
  const text = read(`claude-md-templates/${stack}.md`);

  test('stays within 60 lines and 700 tokens', () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
    expect(tokens(text)).toBeLessThanOrEqual(700);
  });

  test('has every slot once', () => {
    const slots = [...text.matchAll(/\{\{(.*?)\}\}/g)].map(([, slot]) => slot);
    expect(slots.sort()).toEqual(SLOTS);
  });

  test('says how work reaches mainline, with tools that exist', () => {
    const way = section(text, 'How work reaches mainline');
    const tools = toolNeeds();
    expect(way.match(/\b[a-z]+(?:_[a-z]+)+\b/g)).toEqual(['workspace_open', 'change_submit']);
    expect(tools.has('workspace_open') && tools.has('change_submit')).toBe(true);
    expect(way).toContain('Never push');
  });

  test('names traps of its stack beside the slot', () => {
    expect(section(text, 'Traps').match(/^- /gm)?.length ?? 0).toBeGreaterThanOrEqual(5);
  });
});
