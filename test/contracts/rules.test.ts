import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** How the sources name the rule of a refusal. */
const FORMS: readonly [RegExp, string][] = [
  [/\brule(?::| =) '([a-z][a-z.-]+)'/g, ''],
  [/\b(?:answer|limit|refused|token|unreachable): '([a-z]+\.[a-z]+)',/g, ''],
  [/\brule: '[a-z.-]+' \| '([a-z.-]+)'/g, ''],
  [/\bnew GitRefusal\(\s*'([a-z.-]+)'/g, ''],
  [/\bclosed\(\s*'([a-z]+\.[a-z-]+)'/g, ''],
  [/\brefusal\(\s*'[A-Z_]+',\s*'([a-z.-]+)'/g, ''],
  [/\brecordRefusal\([^)]*'([a-z]+\.[a-z-]+)'/g, ''],
  [/\bcredentialRefused\('([a-z]+)'\)/g, 'credential.'],
];

/** Every rule id in the sources with who refuses by it. */
async function rulesInSources(): Promise<Map<string, string>> {
  const listed = await Promise.all(
    ['servers', 'cli'].map(async (folder) =>
      (await readdir(join(root, folder), { recursive: true })).map((file) =>
        folder === 'cli' ? `cli/${file}` : file,
      ),
    ),
  );
  const files = listed.flat().filter((file) => file.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(150);
  const owners = new Map<string, Set<string>>();
  const add = (rule: string, file: string) =>
    owners.set(rule, (owners.get(rule) ?? new Set()).add(file.split('/')[0] ?? ''));
  for (const file of files) {
    const text = await readFile(join(root, file.startsWith('cli/') ? '' : 'servers', file), 'utf8');
    for (const [form, prefix] of FORMS)
      for (const [, rule = ''] of text.matchAll(form)) add(`${prefix}${rule}`, file);
    if (file === 'core/call.ts')
      for (const rule of entries(text, 'RULE_OF', /: '([a-z.-]+)'/g)) add(rule, file);
    if (file === 'core/store/faults.ts')
      for (const fault of entries(text, 'FAULTS', /^ {2}([a-z]+): \[/gm)) add(`store.${fault}`, file);
  }
  return new Map([...owners].map(([rule, by]) => [rule, [...by].sort().join(', ')]));
}

/** What stands in the object literal `name`. */
function entries(text: string, name: string, form: RegExp): string[] {
  const body = text.split(new RegExp(`const ${name}\\b[^{]*\\{`))[1]?.split('\n}')[0] ?? '';
  const found = [...body.matchAll(form)].map(([, entry = '']) => entry);
  expect(found.length, name).toBeGreaterThan(3);
  return found;
}

test('docs/rules.md lists every rule that the sources refuse by, with who refuses, and no other', async () => {
  const text = await readFile(join(root, 'docs/rules.md'), 'utf8');
  const documented = [...text.matchAll(/^\| `([^`]+)` \| (.+) \| ([a-z, ]+) \|$/gm)];
  const rules = documented.map(([, rule = '', , owner = '']) => `${rule}: ${owner}`);
  const used = [...(await rulesInSources())].map(([rule, owner]) => `${rule}: ${owner}`);

  expect(rules).toEqual(used.sort());
  expect(
    documented.filter(([, , forbids = '']) => !/^[A-Z].{10,160}\.$/.test(forbids)).map(([row]) => row),
  ).toEqual([]);
});
