import { describe, expect, test } from 'vitest';
import { cases } from './corpus.ts';
import { chromium, measured } from './measure.ts';
import { WHOLE } from './sample.ts';

/** Part of `npm run test:corpus`, which needs a Chromium: CHROMIUM names one that is not at a usual place. */
describe.runIf(WHOLE)('in a browser', () => {
  test('each page has its defect where it is planted, and its twin has not', async () => {
    const program = chromium();
    if (!program) throw new Error('There is no Chromium. Install one, or name it in CHROMIUM.');
    const pages = (await cases()).filter(({ kind }) => kind === 'page');
    const asked = pages.flatMap(({ id, dir, twin, measure: own }) => {
      const measure = own ?? pages.find((defect) => defect.id === twin)?.measure;
      return measure ? [{ name: id, dir, measure }] : [];
    });
    const answers = await measured(program, asked);
    const right = pages.filter(({ id, sound }) => answers.get(id) === !sound);
    const wrong = pages.filter((page) => !right.includes(page));
    expect(wrong.map(({ id }) => `${id}: ${answers.get(id)}`)).toEqual([]);
  });
});
