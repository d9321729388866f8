import { mkdtemp, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { openServices } from '../../servers/core/open.ts';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const LAUNCHER = join(ROOT, 'bin', 'millwright.cjs');
export const PASSPHRASE = 'correct horse battery';

const SOURCES = ['servers', 'cli', 'hosts', 'rehearsal', 'words', 'test/bench', 'scripts'];

/** The programs as the sources are now: built only when a source is newer than they are. */
export async function buildOnce(): Promise<void> {
  const built = await changedAt(join(ROOT, 'dist', 'cli.js'));
  const sources = await Promise.all(SOURCES.map((folder) => filesIn(join(ROOT, folder))));
  const changed = await Promise.all(['package-lock.json', ...sources.flat()].map(changedAt));
  if (Math.max(...changed) >= built) await execa(process.execPath, [join(ROOT, 'scripts', 'build.mjs')]);
}

const changedAt = (path: string) =>
  stat(resolve(ROOT, path)).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );

const filesIn = async (folder: string) => [
  folder,
  ...(await readdir(folder, { recursive: true }).catch(() => [])).map((name) => join(folder, name)),
];

export interface Ran {
  exit: number;
  stdout: string;
  stderr: string;
  /** What --json printed. */
  json: Record<string, never> & { error?: { code: string; message: string; remedy: string } };
}

export interface RunOptions {
  input?: string;
  cwd?: string;
  path?: string;
  env?: Record<string, string>;
  /** In milliseconds. */
  timeout?: number;
}

export interface Desk {
  readonly folder: string;
  readonly home: string;
  readonly repository: string;
  /** Runs `millwright ARGS --json` in the repository. */
  run(args: readonly string[], more?: RunOptions): Promise<Ran>;
  /** Runs it without --json. */
  say(args: readonly string[], more?: RunOptions): Promise<Ran>;
  git(args: readonly string[], cwd?: string): Promise<string>;
}

/** A repository with one commit, and a folder for factories; both are removed with the test. */
export async function openDesk(
  files: Record<string, string> = { 'README.md': 'A product\n' },
): Promise<Desk> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'millwright-cli-')));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const home = join(folder, 'home');
  const repository = join(folder, 'shop');
  const git = async (args: readonly string[], cwd = repository) => {
    const identity = [
      '-c',
      'user.name=owner',
      '-c',
      'user.email=owner@shop.invalid',
      '-c',
      'commit.gpgsign=false',
    ];
    return (await execa('git', [...identity, ...args], { cwd })).stdout;
  };
  await git(['init', '-q', '-b', 'main', repository], folder);
  for (const [path, text] of Object.entries(files)) await writeFile(join(repository, path), text);
  await git(['add', '-A']);
  await git(['commit', '-q', '-m', 'Start']);
  const ran = async (
    args: readonly string[],
    {
      input = '',
      cwd = repository,
      path = process.env.PATH ?? '',
      env = {},
      timeout = 20_000,
    }: RunOptions = {},
  ) => {
    const result = await execa(process.execPath, [LAUNCHER, ...args], {
      cwd,
      input,
      env: { PATH: path, TMPDIR: tmpdir(), HOME: folder, MILLWRIGHT_HOME: home, ...env },
      extendEnv: false,
      reject: false,
      timeout,
    });
    const json = args.includes('--json') && result.stdout.startsWith('{') ? JSON.parse(result.stdout) : {};
    return { exit: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr, json };
  };
  return { folder, home, repository, git, say: ran, run: (args, more) => ran([...args, '--json'], more) };
}

/** A desk with the factory `shop`, whose human `owner` signs with a passphrase from standard input. */
export async function openRehearsed(): Promise<Desk> {
  const desk = await openDesk({ 'package.json': '{"name":"shop","scripts":{"test":"node --test"}}\n' });
  const made = await desk.run(['init', '--rehearsal']);
  if (made.exit !== 0) throw new Error(made.stdout);
  const added = await desk.run(['human', 'add', 'owner', '--rehearsal'], { input: PASSPHRASE });
  if (added.exit !== 0) throw new Error(added.stdout);
  return desk;
}

/** Works on the store of the factory `shop` as a server would. */
export async function withStore<T>(
  desk: Desk,
  work: (services: Awaited<ReturnType<typeof openServices>>) => Promise<T>,
): Promise<T> {
  const services = await openServices(join(desk.home, 'shop'));
  try {
    return await work(services);
  } finally {
    await services.close();
  }
}
