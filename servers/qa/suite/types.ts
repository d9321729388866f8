import * as z from 'zod';

export const TEST_STATES = ['passed', 'failed', 'skipped'] as const;

/** One test of a product's suite. `id` is `file > name`, or the name alone where the runner tells no file. */
export const testRow = z.object({
  id: z.string().max(600),
  file: z.string().max(300),
  name: z.string().max(300),
  state: z.enum(TEST_STATES),
  ms: z.number().min(0),
  /** The first line of what went wrong; empty when nothing did. */
  message: z.string().max(500),
});
export type TestRow = z.infer<typeof testRow>;

const clean = (text: string, max: number) =>
  text
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .toWellFormed()
    .trim()
    .slice(0, max);

/** A row from what a runner wrote; texts are bounded and hold no control characters. */
export function rowOf({
  file = '',
  name,
  state,
  ms = 0,
  message = '',
}: {
  file?: string;
  name: string;
  state: TestRow['state'];
  ms?: number;
  message?: string;
}): TestRow {
  const shownFile = clean(file.replace(/^(?:file:\/\/)?\/job\//, ''), 300);
  const shownName = clean(name, 290) || '(no name)';
  return {
    id: shownFile === '' ? shownName : `${shownFile} > ${shownName}`,
    file: shownFile,
    name: shownName,
    state,
    ms: Number.isFinite(ms) && ms >= 0 ? Math.round(ms * 10) / 10 : 0,
    message: state === 'failed' ? clean(message.split('\n')[0] ?? '', 500) : '',
  };
}
