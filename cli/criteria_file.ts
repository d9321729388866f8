import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import * as z from 'zod';
import type { Criterion } from '../servers/qa/criteria.ts';
import { CommandError, EXIT } from './failures.ts';
import { shown } from './io.ts';

const text = z.string().min(1).max(1_000);
const entry = z.union([
  text.transform((criterion) => ({ criterion, checks: [] as string[] })),
  z.strictObject({ criterion: text, checks: z.array(z.string().min(1).max(600)).max(50).default([]) }),
]);
const file = z.array(entry).min(1).max(200);

/** The criteria that a file lists, YAML or JSON, each with the checks that are to show it. Throws `CommandError`. */
export async function criteriaAt(path: string): Promise<Criterion[]> {
  try {
    const source = await readFile(resolve(path), 'utf8');
    const lines = source.split('\n');
    return file.parse(parse(source, { maxAliasCount: 0 })).map((one) => {
      const line = lines.findIndex((text) => text.includes(one.criterion.slice(0, 40))) + 1;
      return { ...one, where: `${path}:${Math.max(1, line)}` };
    });
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? z.prettifyError(error)
        : error instanceof YAMLParseError
          ? 'it is neither YAML nor JSON'
          : 'it cannot be read';
    throw new CommandError(
      'CRITERIA',
      `${shown(path)} lists no criteria: ${why}`,
      'Its form is a list of {criterion, checks: [test id, test name or probe:KIND, …]}.',
      EXIT.usage,
    );
  }
}
