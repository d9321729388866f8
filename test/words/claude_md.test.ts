import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { commandsOf } from '../../cli/claude_md/commands.ts';
import { readFacts } from '../../cli/claude_md/facts.ts';
import { fillTemplate } from '../../cli/claude_md/fill.ts';
import { staleNames } from '../../cli/claude_md/stale.ts';
import { writeClaudeMd } from '../../cli/claude_md/write.ts';
import { checkInstructions } from '../../cli/doctor/instructions.ts';
import { namesIn, read } from './sources.ts';
import { tokens } from './tokens.ts';

/** A repository of these files; a name that ends in a slash is a folder. */
async function repository(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'claude-md-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(name.endsWith('/') ? join(root, name) : dirname(join(root, name)), { recursive: true });
    if (!name.endsWith('/')) await writeFile(join(root, name), text);
  }
  return root;
}

const manifest = (more: object) =>
  JSON.stringify({ name: 'shop', description: 'Sells tea to offices.', ...more });
const commands = async (files: Readonly<Record<string, string>>) =>
  commandsOf(await readFacts(await repository(files)));

describe('the commands come from the files', () => {
  test('package.json with pnpm', async () => {
    const scripts = { test: 'vitest run', lint: 'biome check', dev: 'next dev' };
    expect(await commands({ 'package.json': manifest({ scripts }), 'pnpm-lock.yaml': '' })).toEqual({
      install: 'pnpm install --frozen-lockfile',
      test_one: 'npx vitest run PATH',
      test: 'pnpm run test',
      check: 'pnpm run lint',
      run: 'pnpm run dev',
    });
  });

  test('Rails', async () => {
    const files = {
      Gemfile: '',
      'bin/rails': '',
      'bin/setup': '',
      'bin/rubocop': '',
      'bin/dev': '',
      'test/': '',
    };
    expect(await commands(files)).toEqual({
      install: 'bin/setup',
      test_one: 'bin/rails test PATH',
      test: 'bin/rails test',
      check: 'bin/rubocop',
      run: 'bin/dev',
    });
  });

  test('a Makefile', async () => {
    const Makefile =
      'CC := gcc\n.PHONY: test\ntest: build\n\tgo test ./...\nlint:\n\tgo vet\nrun:\n\tgo run .\n';
    expect(await commands({ Makefile })).toEqual({
      install: undefined,
      test_one: undefined,
      test: 'make test',
      check: 'make lint',
      run: 'make run',
    });
  });

  test('nothing is guessed', async () => {
    const scripts = { test: 'echo "Error: no test specified" && exit 1' };
    expect(await commands({ 'package.json': manifest({ scripts }) })).toEqual({ install: 'npm install' });
  });
});

const FULL = {
  'package.json': manifest({
    description: 'Sells tea to offices, '.repeat(20),
    scripts: { test: 'vitest run', check: 'biome check', dev: 'next dev' },
    engines: { node: '>=22.12' },
    workspaces: ['packages/*'],
  }),
  'package-lock.json': '{}',
  '.env.example': '',
  'compose.yaml': '',
  'db/migrate/': '',
  'db/schema.rb': '',
  'bin/rails': '',
  'dist/': '',
  'README.md': '# Shop\n\n[![x](y)](z)\n\nTea.\n',
  'CONTRIBUTING.md': '',
  'ARCHITECTURE.md': '',
  'SECURITY.md': '',
};

describe.each(namesIn('claude-md-templates', '.md'))('the filled template %s', (stack) => {
  const filled = async (files: Readonly<Record<string, string>>) => {
    const root = await repository(files);
    const facts = await readFacts(root);
    return { root, facts, ...fillTemplate(read(`claude-md-templates/${stack}.md`), 'shop', facts) };
  };

  test('stays within 60 lines and 700 tokens with every slot full, and is true', async () => {
    const { text, open, root, facts } = await filled(FULL);
    expect(open).toEqual([]);
    expect(text).not.toMatch(/\{\{|\}\}/);
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
    expect(tokens(text)).toBeLessThanOrEqual(700);
    expect(await staleNames(text, root, facts)).toEqual([]);
  });

  test('has no empty line of a command and no empty heading in a bare repository', async () => {
    const { text, open } = await filled({ 'notes.txt': '' });
    expect(open).toEqual(['purpose', 'install', 'test_one', 'test', 'check', 'run']);
    expect(text).not.toMatch(/\{\{|``|\n\n\n/);
    expect(text).not.toContain('## Commands');
    expect(text).not.toContain('## Read before');
    expect(text).toContain('## How work reaches mainline');
  });
});

test('one is written only where there is none, and AGENTS.md counts', async () => {
  const bare = await repository(FULL);
  const { file, open } = await writeClaudeMd(bare, 'shop');
  expect(open).toEqual([]);
  const text = await readFile(file ?? '', 'utf8');
  expect(text).toMatch(/^# shop\n\nSells tea/);
  expect((await writeClaudeMd(bare, 'other')).file).toBeUndefined();
  expect(await readFile(join(bare, 'CLAUDE.md'), 'utf8')).toBe(text);
  const own = await repository({ ...FULL, 'AGENTS.md': 'Mine.\n' });
  expect(await writeClaudeMd(own, 'shop')).toMatchObject({
    file: undefined,
    says: 'AGENTS.md is there and stays as it is.',
  });
});

test('what is named and gone is reported with its line, and nothing else is', async () => {
  const text = [
    'Run `npm run lint` and `npm test`; `make deploy` puts it live.',
    'Look into `src/app.ts`, `src/gone/`, `docs/api.md`, `bin/seed --all` and `SCHEMA.md`.',
    'Send `text/html` from `origin/main` to `https://example.org/a.json`; `words.ts`, `a|b`, `../up.md`, `AGENTS.md`.',
  ].join('\n');
  const root = await repository({
    'package.json': manifest({ scripts: { test: 'vitest run' } }),
    'src/app.ts': '',
    'CLAUDE.md': text,
  });
  const stale = await staleNames(text, root, await readFacts(root));
  expect(stale.map(({ line, names }) => `${line} ${names}`)).toEqual([
    '1 npm run lint',
    '1 make deploy',
    '2 src/gone/',
    '2 docs/api.md',
    '2 bin/seed --all',
    '2 SCHEMA.md',
  ]);
  const [finding, ...more] = await checkInstructions({ repository: root });
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ check: 'CLAUDE.md', state: 'note' });
  expect(finding?.says).toContain('src/gone/ (line 2)');
  await writeFile(join(root, 'CLAUDE.md'), 'Run `npm test`.\n');
  expect(await checkInstructions({ repository: root })).toMatchObject([{ state: 'ok' }]);
});
