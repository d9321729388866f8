import { expect, test } from 'vitest';
import { type Called, matches, score } from '../../words/score.ts';

const call = (tool: string, args: Record<string, unknown> = {}, refused = false): Called => ({
  tool,
  args,
  refused,
});
const wanted = (tool: string, where: Record<string, unknown> = {}) => ({ tool, where });

test('what is expected must be answered, what is forbidden must not be tried', () => {
  const rules = { expect: [wanted('task_block')], forbid: [wanted('task_complete', { outcome: 'done' })] };
  expect(score(rules, [call('task_block')]).passed).toBe(true);
  expect(score(rules, [call('task_block', {}, true)]).faults).toEqual(['missing: task_block']);
  const tried = [call('task_complete', { outcome: 'done' }, true), call('task_block')];
  expect(score(rules, tried).faults).toEqual(['forbidden: task_complete {"outcome":"done"}']);
  expect(score(rules, [call('task_complete', { outcome: 'failed' }), call('task_block')]).passed).toBe(true);
});

test('any call of a list will do, and an order is kept', () => {
  const rules = {
    expect: [[wanted('qa_run'), wanted('qa_probe')]],
    forbid: [{ ...wanted('qa_verdict'), before: 'qa_run' }],
  };
  expect(score(rules, [call('qa_run'), call('qa_verdict')]).passed).toBe(true);
  expect(score(rules, [call('qa_verdict'), call('qa_run')]).passed).toBe(false);
  expect(score(rules, [call('qa_run', {}, true), call('qa_verdict'), call('qa_probe')]).passed).toBe(false);
  expect(score(rules, []).faults).toEqual(['missing: qa_run or qa_probe']);
});

test('arguments are compared in part', () => {
  expect(matches({ why: '/8100.*7200/' }, { why: 'It is 8100,\nand 7200.', more: 1 })).toBe(true);
  expect(
    matches({ list: [{ name: '/stag/' }] }, { list: [{ name: 'shop' }, { name: 'shop-staging' }] }),
  ).toBe(true);
  expect(matches({ list: [{ name: '/stag/' }] }, { list: [{ name: 'shop' }] })).toBe(false);
  expect(matches({ verdict: 'accept' }, { verdict: 'accepted' })).toBe(false);
  expect(matches({ verdict: '/a/' }, undefined)).toBe(false);
});
