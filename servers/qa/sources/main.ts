/**
 * Reads sources for the server, inside the sandbox: one JSON object on stdin, one JSON report on stdout. Runs nothing
 * of the project; a parser that meets hostile source is contained.
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { type Mutant, mutantsOf } from '../suite/mutants.ts';
import { patternsIn } from './patterns.ts';
import { whatServes } from './serves.ts';

const MAX_BYTES = 1_000_000;
const lines = z.record(z.string(), z.array(z.int()));
const job = z.discriminatedUnion('task', [
  z.strictObject({ task: z.literal('mutants'), lines, most: z.int().min(0).max(100), seed: z.int() }),
  z.strictObject({ task: z.literal('patterns'), paths: z.array(z.string()).max(20_000) }),
  z.strictObject({ task: z.literal('serves'), paths: z.array(z.string()).max(100_000) }),
]);

async function sourceOf(path: string): Promise<string> {
  const source = await readFile(path, 'utf8').catch(() => '');
  return source.length <= MAX_BYTES ? source : '';
}

async function mutants({
  lines,
  most,
  seed,
}: Extract<z.infer<typeof job>, { task: 'mutants' }>): Promise<Mutant[]> {
  const all: Mutant[] = [];
  for (const [path, numbers] of Object.entries(lines))
    all.push(...mutantsOf(path, await sourceOf(path), new Set(numbers)));
  const step = Math.max(1, all.length / Math.max(1, most));
  const first = all.length > most ? seed % Math.ceil(step) : 0;
  return Array.from(
    { length: Math.min(most, all.length) },
    (_, at) => all[Math.floor(first + at * step)] ?? [],
  ).flat();
}

const input = job.parse(JSON.parse(await text(process.stdin)));
async function reportOn(input: z.infer<typeof job>): Promise<object> {
  if (input.task === 'mutants') return { mutants: await mutants(input) };
  if (input.task === 'serves') return { serves: (await whatServes(input.paths)) ?? null };
  const found = await Promise.all(input.paths.map(async (path) => patternsIn(path, await sourceOf(path))));
  return { found: found.flat() };
}

process.stdout.write(`${JSON.stringify(await reportOn(input))}\n`);
