import { cp, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { git } from '../../servers/core/git/git.ts';
import { memoryFile } from '../../servers/memory/render.ts';
import { agentGit, commitIn, tempDir } from '../core/git/harness.ts';
import { type Opened, type Site, site } from './site.ts';

const SWAPPER = fileURLToPath(new URL('swapper.ts', import.meta.url));
const CANARY = 'canary-7f2d1c';
/** For each place; all of them together stay below five seconds. */
const ROUND_MS = 400;

/** Swaps `path` for a link to `target` in another process while `work` is done again and again. */
async function whileSwapped(path: string, target: string, work: () => Promise<unknown>): Promise<number> {
  const swapper = execa(process.execPath, [SWAPPER, path, target], { reject: false });
  await new Promise((resolve) => swapper.stdout.once('data', resolve));
  let rounds = 0;
  try {
    for (const until = performance.now() + ROUND_MS; performance.now() < until; rounds++) await work();
  } finally {
    swapper.kill('SIGKILL');
    await swapper;
    await putBack(path);
  }
  return rounds;
}

async function putBack(path: string): Promise<void> {
  const isReal = await lstat(path).then(
    (found) => !found.isSymbolicLink(),
    () => false,
  );
  if (isReal) return;
  await rm(path, { force: true });
  await rename(`${path}.aside`, path);
}

/** The lines with the canary among all that the factory keeps and has said, but for what agents keep themselves. */
async function leaks({ services, bare, home }: Site, said: readonly string[]): Promise<string[]> {
  const { db } = services.store;
  const rows = await Promise.all(
    (await db.introspection.getTables()).map(({ name }) => sql`select * from ${sql.table(name)}`.execute(db)),
  );
  const objects = await git(bare, ['cat-file', '--batch', '--batch-all-objects']);
  const files = (await readdir(home, { recursive: true, withFileTypes: true }))
    .map((one) => ({ ...one, isFile: one.isFile(), path: join(one.parentPath, one.name) }))
    .filter(({ isFile, path }) => isFile && !path.startsWith(services.paths.clones));
  const texts = await Promise.all(files.map(({ path }) => readFile(path, 'latin1')));
  const all = [...said, ...texts, objects.toString('latin1'), JSON.stringify(rows.map((one) => one.rows))];
  const lines = all.flatMap((text) => text.split('\n')).filter((line) => line.includes(CANARY));
  return lines.map((line) => line.slice(0, 300));
}

async function startSite() {
  const said: string[] = [];
  const at = await site({ servers: ['tasks', 'repo', 'memory'], log: (line) => said.push(line) });
  return { at, said };
}

const REPOSITORY_PLACES = ['.', '.git', '.git/objects', '.git/objects/pack'];
const FILE_PLACES = ['packed-refs', 'HEAD', 'shallow'];

test('a folder swapped for a link to another repository while it is read hands nothing of it over', async () => {
  const { at, said } = await startSite();
  const developer = await at.worker('developer');
  const { workspace } = await developer.ok<Opened>('workspace_open');
  const commit = await commitIn(workspace, { 'src/a.txt': 'mine\n' });
  const secret = join(await tempDir(), 'secret');
  await cp(workspace, secret, { recursive: true });
  const stolen = await commitIn(secret, { 'secret.txt': CANARY });
  await agentGit(secret, ['repack', '-q', '-a', '-d']);

  let rounds = 0;
  for (const place of REPOSITORY_PLACES)
    rounds += await whileSwapped(join(workspace, place), join(secret, place), async () => {
      const { text } = await developer.call('change_submit', { commit: stolen, summary: 'Not mine' });
      said.push(text);
    });
  const found = await leaks(at, said);

  expect(rounds).toBeGreaterThanOrEqual(REPOSITORY_PLACES.length);
  expect(found).toEqual([]);
  await developer.ok('change_submit', { commit, summary: 'Mine' });
});

test('a file of the clone swapped for a link to a secret is quoted nowhere', async () => {
  const { at, said } = await startSite();
  const developer = await at.worker('developer');
  const { workspace } = await developer.ok<Opened>('workspace_open');
  const secret = join(await tempDir(), 'secret');
  await writeFile(secret, `${CANARY}\n`);

  let rounds = 0;
  for (const place of FILE_PLACES) {
    const path = join(workspace, '.git', place);
    const commit = await commitIn(workspace, { 'src/a.txt': `${place}\n` });
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, '', { flag: 'a' });
    rounds += await whileSwapped(path, secret, async () => {
      const { text } = await developer.call('change_submit', { commit, summary: 'Mine' });
      said.push(text);
    });
  }

  expect(rounds).toBeGreaterThanOrEqual(FILE_PLACES.length);
  expect(await leaks(at, said)).toEqual([]);
});

test('a MEMORY.md swapped for a link to a secret while it is read back is not taken in', async () => {
  const { at, said } = await startSite();
  const developer = await at.worker('developer');
  await developer.ok('memory_write', { entries: [{ kind: 'fact', text: 'The page is blue.' }] });
  const path = memoryFile(at.services.paths, 'developer');
  const secret = join(await tempDir(), 'MEMORY.md');
  await writeFile(secret, `## Current state\n\n- ${CANARY}\n`);

  const reading = async () => said.push((await developer.call('memory_read')).text);
  const rounds =
    (await whileSwapped(path, secret, reading)) +
    (await whileSwapped(join(path, '..'), join(secret, '..'), reading));

  expect(rounds).toBeGreaterThanOrEqual(2);
  expect(await leaks(at, said)).toEqual([]);
});
