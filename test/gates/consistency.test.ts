import { expect, test } from 'vitest';
import { gateSite, PRODUCT, worker } from './site.ts';

type Gates = { gates: { closed: boolean; why: string; isolation: string }[] };
type Status = { log: { text: string } };

/** What the consistency gate says of the product after a change. */
async function judged(changed: Record<string, string | null>, command?: string[]) {
  const site = await gateSite({
    change: (definition) => {
      const { consistency } = definition.gates as unknown as Record<string, { command?: string[] }>;
      if (consistency && command) consistency.command = command;
    },
  });
  const developer = await worker(site, 'developer');
  await site.submit(developer, changed);
  const { gates } = await developer.ok<Gates>('gate_run', { gates: ['consistency'] });
  const { log } = await developer.ok<Status>('gate_status', { gate: 'consistency', tail: 4000 });
  const [gate] = gates;
  if (!gate) throw new Error('no result');
  return { ...gate, faults: log.text.split('\n').slice(2).sort() };
}

test('finds an import of nothing, source that is none, and files that nothing leads to', async () => {
  const found = await judged({
    'src/index.js': "import { add } from './sum.js';\nadd(1, 1);\n",
    'src/bad.ts': 'export const = 1;\n',
    'src/lost/one.ts': "export { two } from './two.ts';\n",
    'src/lost/two.ts': 'export const two = 2;\n',
  });

  expect(found).toMatchObject({
    closed: false,
    why: '2 broken imports, 3 orphaned files',
    isolation: 'full',
  });
  expect(found.faults).toEqual([
    'src/bad.ts: nothing leads to this file',
    'src/bad.ts:1: Expected identifier but found "="',
    'src/index.js:1: nothing is at "./sum.js"',
    'src/lost/one.ts: nothing leads to this file',
    'src/lost/two.ts: nothing leads to this file',
  ]);
});

test('follows every honest way from file to file', async () => {
  const found = await judged({
    'tsconfig.json': JSON.stringify({ compilerOptions: { paths: { '@/*': ['./src/*'] } } }),
    'src/index.js':
      "import './a.js';\nimport 'some-package';\nimport x from '@/deep/alias';\nnew Worker(new URL('./worker/job.js', import.meta.url));\nawait import('./lazy');\nrequire('./data.json');\nconsole.log(x);\n",
    'src/a.ts':
      "import type { T } from './types.ts';\nimport page from './page.html';\nexport const a: T = page;\n",
    'src/types.ts': 'export type T = string;\n',
    'src/page.html': '<script src="./client.js"></script>\n',
    'src/client.js': 'export {};\n',
    'src/data.json': '{}',
    'src/deep/alias.ts': 'export default 1;\n',
    'src/worker/job.js': 'export {};\n',
    'src/lazy/index.ts': 'export {};\n',
    'src/pages/about.tsx': 'export const About = () => <p>about</p>;\n',
    'src/cli-tool.js': 'export {};\n',
    'package.json': PRODUCT['package.json'].replace('{', '{"bin":"./src/cli-tool.js",'),
  });

  expect(found).toMatchObject({
    closed: true,
    why: expect.stringMatching(/^\d+ source files fit together$/),
  });
});

test("a project's own esbuild is not the one that judges", async () => {
  const fake = 'export const build = async () => ({ errors: [] });\n';
  const found = await judged({
    'node_modules/esbuild/package.json': JSON.stringify({
      name: 'esbuild',
      type: 'module',
      exports: './index.js',
    }),
    'node_modules/esbuild/index.js': fake,
    'src/index.js': "import './gone.js';\n",
  });

  expect(found).toMatchObject({ closed: false, why: '1 broken imports, 0 orphaned files' });
});

test("the factory's own command has a say too", async () => {
  const passes = await judged({ 'README.md': '# More\n' }, ['node', '-e', 'process.exit(0)']);
  const fails = await judged({ 'README.md': '# More\n' }, [
    'node',
    '-e',
    'console.log("layers"); process.exit(3)',
  ]);

  expect(passes).toMatchObject({
    closed: true,
    why: expect.stringContaining("the factory's command passed"),
  });
  expect(fails).toMatchObject({
    closed: false,
    why: "the factory's command failed (exit code 3)",
    faults: ['layers'],
  });
});

test('where there is no source to look at, the gate stays open', async () => {
  const none = await judged({
    'src/index.js': null,
    'src/add.js': null,
    'test/add.test.js': null,
    'main.py': 'pass\n',
  });

  expect(none).toMatchObject({
    closed: false,
    why: expect.stringContaining('set gates.consistency.command'),
  });
});
