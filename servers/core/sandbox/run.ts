import { chmod, mkdir, mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, normalize } from 'node:path';
import { temporaryPrefix } from '../census.ts';
import type { Engine, Plan } from './engine.ts';
import { JOB, mountsFor } from './layout.ts';
import { giveTree, refuseOutsideLinks, unusedUid } from './ownership.ts';
import { openRegistry, openSharedRegistry, type RegistryAccess } from './registry.ts';
import { supervise } from './supervise.ts';
import {
  type Layer,
  SandboxError,
  type SandboxLimits,
  type SandboxResult,
  type SandboxRun,
} from './types.ts';

const MB = 1024 * 1024;
const DEFAULT_LIMITS: SandboxLimits = {
  wallMs: 120_000,
  outputBytes: 4 * MB,
  processes: 256,
  dataBytes: 2048 * MB,
  fileBytes: 512 * MB,
  tmpBytes: 256 * MB,
};

/** Runs one command with one engine; see `Sandbox.run`. */
export async function runWith(engine: Engine, run: SandboxRun): Promise<SandboxResult> {
  const scratch = await realpath(await mkdtemp(join(tmpdir(), temporaryPrefix('run'))));
  const uid = engine.enforced.uid === 'own' ? await unusedUid() : SERVER.uid;
  let registry: RegistryAccess | undefined;
  try {
    if (run.network === 'registry') registry = await registryFor(engine, join(scratch, 'registry'));
    const plan = await planFor(run, scratch, uid, registry);
    const outcome = await withWork(engine, plan, async () =>
      supervise(await engine.prepare(plan), {
        limits: plan.limits,
        input: run.input ?? '',
        signal: run.signal,
        endTree: engine.endTree(plan),
      }),
    );
    return { ...outcome, isolation: engine.isolation, engine: engine.name, enforced: engine.enforced };
  } finally {
    await registry?.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

const SERVER = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

const registryFor = (engine: Engine, folder: string): Promise<RegistryAccess> =>
  engine.enforced.network === 'namespace' ? openRegistry(folder) : openSharedRegistry(folder);

/** Lends the work folder to the run's user, and takes it back whatever happens. */
async function withWork<T>(engine: Engine, { work, uid }: Plan, use: () => Promise<T>): Promise<T> {
  await refuseOutsideLinks(work);
  if (uid === SERVER.uid) return use();
  try {
    await giveTree(work, uid, uid);
    return await use();
  } finally {
    if (engine.enforced.files !== 'allow-list') await refuseOutsideLinks(work);
    await giveTree(work, SERVER.uid, SERVER.gid);
  }
}

async function planFor(
  run: SandboxRun,
  scratch: string,
  uid: number,
  registry: RegistryAccess | undefined,
): Promise<Plan> {
  const limits = { ...DEFAULT_LIMITS, ...run.limits };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value <= 0)
      throw new SandboxError(`The limit ${name} is not a positive integer.`);
  }
  const work = await folder(run.work);
  const layers: Layer[] = [];
  for (const { from, at } of run.layers ?? [])
    layers.push({ from: await folder(from), at: checkedPlace(at) });
  const mounts = mountsFor({ work, etc: await writeEtc(scratch, uid), layers, tmpBytes: limits.tmpBytes });
  return {
    command: [...(registry?.command ?? []), ...checkedCommand(run.command)],
    work,
    cwd: checkedCwd(run.cwd ?? ''),
    env: { ...registry?.env, ...checkedEnv(run.env ?? {}) },
    limits,
    layers,
    mounts: [...mounts, ...(registry?.mounts ?? [])],
    scratch,
    uid,
  };
}

async function folder(path: string): Promise<string> {
  const real = await realpath(path);
  if (!(await stat(real)).isDirectory()) throw new SandboxError('What is mounted has to be a folder.');
  return real;
}

const RESERVED = [
  'bin',
  'dev',
  'etc',
  'home',
  'job',
  'lib',
  'lib32',
  'lib64',
  'libx32',
  'opt',
  'proc',
  'run',
  'sbin',
  'tmp',
  'usr',
];

/** Never inside a folder that exists already: there the project could have put a symlink. */
function checkedPlace(at: string): string {
  const first = at.split('/')[1] ?? '';
  if (isAbsolute(at) && normalize(at) === at && !at.endsWith('/') && !RESERVED.includes(first)) return at;
  throw new SandboxError(`A layer can't be mounted at ${JSON.stringify(at)}.`);
}

function checkedCwd(cwd: string): string {
  const path = normalize(`./${cwd}`);
  if (isAbsolute(cwd) || path === '..' || path.startsWith('../') || cwd.includes('\0')) {
    throw new SandboxError(`The working directory has to lie in ${JOB}.`);
  }
  return path === './' || path === '.' ? '' : path;
}

function checkedCommand(command: readonly string[]): readonly string[] {
  const [program = ''] = command;
  if (/^[^-=][^=]*$/.test(program) && !command.some((word) => word.includes('\0'))) return command;
  throw new SandboxError('The command has to start with the name or path of a program.');
}

function checkedEnv(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_]\w*$/.test(name) || value.includes('\0')) {
      throw new SandboxError(`${JSON.stringify(name)} can't be an environment variable.`);
    }
  }
  return env;
}

/** Account files that name the run's own user and nobody of the host. */
async function writeEtc(scratch: string, uid: number): Promise<string> {
  const etc = join(scratch, 'etc');
  await mkdir(etc);
  const files = {
    passwd: `root:x:0:0::/root:/bin/sh\n${uid === 0 ? '' : `run:x:${uid}:${uid}::/home/run:/bin/sh\n`}`,
    group: `root:x:0:\n${uid === 0 ? '' : `run:x:${uid}:\n`}`,
    hosts: '127.0.0.1 localhost\n::1 localhost\n',
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(etc, name), text);
    await chmod(join(etc, name), 0o644);
  }
  return etc;
}
