import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { buildOnce, openDesk } from './command.ts';

beforeAll(buildOnce);

const json = (path: string) => readFile(path, 'utf8').then((text) => JSON.parse(text));

test('makes a factory outside the repository from the commit that is checked out', async () => {
  const desk = await openDesk({
    'package.json': '{"scripts":{"test":"node --test"},"dependencies":{"astro":"5.0.0"}}',
  });

  const { exit, json: made } = await desk.run(['init']);

  expect(exit).toBe(0);
  expect(made).toMatchObject({ ok: true, factory: 'shop', created: true, stack: 'astro', remote: 'factory' });
  expect(made).toMatchObject({ smoke: { command: ['node', '--run', 'test'], tests: true } });
  const head = await desk.git(['rev-parse', 'HEAD']);
  expect(await desk.git(['ls-remote', 'factory', 'refs/heads/main'])).toBe(`${head}\trefs/heads/main`);
  expect(await desk.git(['status', '--porcelain'])).toBe('');
  const server = Object.values(made.mcpServers ?? {})[0] as { command: string; args: string[] };
  for (const path of [server.command, server.args[0] ?? '', server.args[3] ?? '']) await access(path);
});

test('a second run updates and clobbers nothing', async () => {
  const desk = await openDesk();
  await desk.run(['init']);
  const file = join(desk.home, 'shop', 'factory.yaml');
  const enrolment = join(desk.home, 'shop', 'enrolments', 'qa.json');
  await writeFile(file, `${await readFile(file, 'utf8')}# mine\n`);
  const token = (await json(enrolment)).token;

  const again = await desk.run(['init', '--name', 'shop']);

  expect(again.json).toMatchObject({ ok: true, factory: 'shop', created: false });
  expect(await readFile(file, 'utf8')).toMatch(/# mine\n$/);
  expect((await json(enrolment)).token).toBe(token);
  expect((await desk.run(['status'])).json).toMatchObject({ definition: { unsignedChanges: true } });
});

test('says so when there are no tests, and refuses elsewhere', async () => {
  const desk = await openDesk();
  const made = await desk.say(['init']);
  const outside = await desk.run(['init'], { cwd: desk.folder });

  expect(made.stdout).toMatch(/No tests were found\. The smoke gate stays open/);
  expect([outside.exit, outside.json.error?.code]).toEqual([3, 'NO_REPOSITORY']);
});

test('without git, in an empty repository, or with a home inside the repository it says the way out', async () => {
  const desk = await openDesk();
  await mkdir(join(desk.folder, 'empty'));
  await desk.git(['init', '-q', join(desk.folder, 'empty')]);

  const noGit = await desk.run(['init'], { path: join(desk.folder, 'nothing') });
  const noCommit = await desk.run(['init'], { cwd: join(desk.folder, 'empty') });
  const inside = await desk.run(['init', '--home', join(desk.repository, '.factories')]);

  expect([noGit.exit, noGit.json.error?.code]).toEqual([3, 'NO_GIT']);
  expect([noCommit.exit, noCommit.json.error?.code]).toEqual([1, 'NO_COMMIT']);
  expect([inside.exit, inside.json.error?.code]).toEqual([2, 'HOME_INSIDE']);
  expect((await desk.run(['status'])).json.error?.code).toBe('NO_FACTORY');
});

test('a command finds its factory by the folder, or lists what there is', async () => {
  const desk = await openDesk();
  await desk.run(['init']);
  const other = join(desk.folder, 'other');
  await desk.git(['clone', '-q', desk.repository, other]);
  await desk.run(['init'], { cwd: other });

  const here = await desk.run(['status'], { cwd: other });
  const nowhere = await desk.run(['status'], { cwd: desk.folder });
  const named = await desk.run(['status', '--factory', 'shop'], { cwd: desk.folder });

  expect(here.json).toMatchObject({ factory: 'other' });
  expect([nowhere.exit, nowhere.json.error?.message]).toEqual([2, expect.stringContaining('other, shop')]);
  expect(named.json).toMatchObject({ factory: 'shop' });
});

test('writes a CLAUDE.md only when asked, and doctor says when it is no longer true', async () => {
  const desk = await openDesk({
    'package.json': '{"description":"Sells tea.","scripts":{"test":"node --test","dev":"node ."}}',
  });

  const { json: made } = await desk.run(['init', '--claude-md']);
  const text = await readFile(join(desk.repository, 'CLAUDE.md'), 'utf8');
  await writeFile(join(desk.repository, 'package.json'), '{"scripts":{"test":"node --test"}}');
  const examined = await desk.run(['doctor']);

  expect(made).toMatchObject({ claudeMd: { file: join(desk.repository, 'CLAUDE.md'), open: ['check'] } });
  expect(text).toMatch(/^# shop\n\nSells tea\./);
  expect(text).toContain('- `node --test PATH`: one test');
  const findings = (examined.json.findings ?? []) as { check: string; state: string; says: string }[];
  expect(findings.find(({ check }) => check === 'CLAUDE.md')).toMatchObject({
    state: 'note',
    says: expect.stringMatching(/^names what is not there: npm run dev \(line \d+\)$/),
  });
});
