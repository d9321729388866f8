import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRole } from '../../servers/core/words.ts';
import { ROOT } from './sources.ts';

const PROMPT =
  '---\nrole: smith\ndescription: Use when iron is hot.\nreads: [ore]\nproduces: []\n---\nStrike.\n';
const SOUL = '---\nrole: smith\ncreed: Heat first.\n---\nI stand by the fire.\n';

let root: string;
const write = (prompt: string, soul: string) => {
  writeFileSync(join(root, 'prompts/smith.md'), prompt);
  writeFileSync(join(root, 'souls/smith.md'), soul);
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'words-'));
  mkdirSync(join(root, 'prompts'));
  mkdirSync(join(root, 'souls'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('gives the words without their frontmatter', () => {
  write(PROMPT, SOUL);
  expect(readRole('smith', root)).toEqual({
    prompt: 'Strike.',
    soul: 'I stand by the fire.',
    description: 'Use when iron is hot.',
    creed: 'Heat first.',
    reads: ['ore'],
    produces: [],
  });
});

test('says which file is missing', () => {
  expect(() => readRole('smith', root)).toThrow('The role smith has no words: prompts/smith.md is missing.');
  writeFileSync(join(root, 'prompts/smith.md'), PROMPT);
  expect(() => readRole('smith', root)).toThrow('The role smith has no words: souls/smith.md is missing.');
});

test.each(['../souls/smith', 'smith/../smith', '/etc/passwd', '', 'Smith'])(
  'reads no file for the name %j',
  (name) => {
    write(PROMPT, SOUL);
    expect(() => readRole(name, root)).toThrow('cannot be the name of a role');
  },
);

test.each([
  ['no frontmatter', 'Strike.\n', 'does not begin with frontmatter'],
  [
    'a field too many',
    PROMPT.replace('reads:', 'model: big\nreads:'),
    /prompts\/smith\.md: frontmatter: .*model/,
  ],
  ['a field too few', PROMPT.replace('produces: []\n', ''), 'prompts/smith.md: produces: '],
  [
    'a field twice',
    PROMPT.replace('reads:', 'role: smith\nreads:'),
    'prompts/smith.md: Map keys must be unique',
  ],
  ['a long description', PROMPT.replace('iron', 'iron '.repeat(60)), 'prompts/smith.md: description: '],
  [
    'a description of how, not when',
    PROMPT.replace('Use when', 'Strikes when'),
    'prompts/smith.md: description: ',
  ],
  ['another role', PROMPT.replace('role: smith', 'role: baker'), 'says that it is for the role baker'],
])('refuses a prompt with %s', (_, prompt, fault) => {
  write(prompt, SOUL);
  expect(() => readRole('smith', root)).toThrow(fault);
});

test('finds the words from a bundle in dist/ as it does from source', async () => {
  write(PROMPT, SOUL);
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'millwright', version: '1.0.0' }));
  const bundle = join(root, 'dist/words.js');
  await build({
    entryPoints: [join(ROOT, 'servers/core/words.ts')],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  const show = `const { readRole } = await import(process.argv[1]); console.log(readRole('smith').creed);`;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', show, bundle]);
  expect(stdout).toBe('Heat first.');
  expect(readRole('developer').creed).toBe('I decide how, never what.');
});
