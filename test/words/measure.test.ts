import { expect, test } from 'vitest';
import { countInstructions, section, sentences } from '../../cli/audit/measure.ts';

const TEXT = `For whom it is,
in two lines.

## Order
1. First,
   which goes on.
2. Second.

## Decision
- **Yes**: when it holds.
Some words that go on from the item.

| seen | done |
| --- | --- |
| a | b |
| c | d |
`;

test('an instruction is a list item, a row under the heading row, or a paragraph of its own', () => {
  expect(countInstructions(TEXT)).toBe(6);
  expect(countInstructions(section(TEXT, 'Decision'))).toBe(3);
});

test('a section that is missing is an error, not an empty text', () => {
  expect(() => section(TEXT, 'Nowhere')).toThrow('no section "Nowhere"');
});

test('sentences are compared without their marks of form', () => {
  const asItem = sentences('- **Nobody** reads a line that is not there.');
  expect(asItem).toEqual(sentences('| x | Nobody reads a line that is not there. |'));
  expect(asItem).toEqual(['nobody reads a line that is not there']);
});
