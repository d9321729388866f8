import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

/** Whether this run writes the golden files instead of comparing them. */
export const UPDATE = process.env.UPDATE === '1';

/** Compares text with a file of the repository; with UPDATE=1 writes it. A missing file differs. */
export async function expectFile(path: string, text: string): Promise<void> {
  const file = fileURLToPath(new URL(`../../${path}`, import.meta.url));
  if (UPDATE) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  const stored = await readFile(file, 'utf8').catch(() => '');
  expect(text, `${path} differs; read why, then run UPDATE=1 npx vitest run test/contracts`).toBe(stored);
}

/** The form in which JSON stands in golden files. */
export const jsonText = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
