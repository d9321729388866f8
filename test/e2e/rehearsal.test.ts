import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { expectRehearsal, rehearse } from './rehearse.ts';

const FACTORIES = join(import.meta.dirname, '../../factories');

test(
  'a rehearsal of c-suite goes from a request to a verified release, and the record shows every refusal',
  () => expectRehearsal('c-suite'),
  480_000,
);

test('a factory that lets the builder release fails, and the refusal that did not happen is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-factory-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const definition = parse(await readFile(join(FACTORIES, 'solo.yaml'), 'utf8'));
  definition.roles.developer.may.push('release:cut');
  const file = join(folder, 'factory.yaml');
  await writeFile(file, stringify(definition));

  const { exitCode, result } = await rehearse(file);

  expect(exitCode).toBe(1);
  expect(result.ok).toBe(false);
  expect(result.missing).toEqual([{ rule: 'capability', role: 'developer', tool: 'release_cut' }]);
}, 480_000);
