import { readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { dependencyLayer } from '../core/sandbox/dependencies.ts';
import { type Layer, openSandbox, type Sandbox } from '../core/sandbox/sandbox.ts';
import { bundleWorker } from '../core/target/bundle.ts';
import { isAllowed } from './page/window.ts';
import { entryOf } from './product/entry.ts';
import type { ProductStart } from './product/start.ts';
import { layOutWorker } from './room.ts';
import { runBeside, runContained } from './run_program.ts';
import { copySources, localConfig, manifestOf, type Plan, planFor } from './sources.ts';
import type { Auth, Target } from './target.ts';

const BUILD_MS = 240_000;
const FAULT_CHARS = 1_500;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** What was named cannot be tested; `remedy` says what to do. */
class Untestable extends Error {
  override readonly name = 'Untestable';
  readonly remedy: string;
  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

export interface OpenOptions {
  /** A folder of ours, removed by the caller: sources are copied into it. */
  room: string;
  auth?: Auth;
  allow: readonly string[];
  progress: (line: string) => void;
  note: (what: string) => void;
  signal: AbortSignal;
}

/**
 * Makes a target of what a person named: a folder, a page, or the address of something that runs. Nothing of the
 * product is run here but its build, in the sandbox. Throws `Untestable`, and what the sandbox throws.
 */
export async function openTarget(named: string, options: OpenOptions): Promise<Target> {
  if (/^https?:\/\//i.test(named)) return runningTarget(named, options);
  const path = await realpath(resolve(named)).catch(() => {
    throw new Untestable(
      `There is nothing at ${named}.`,
      'Name a folder, an HTML page, or the URL of something that runs on this machine.',
    );
  });
  const info = await stat(path);
  if (info.isDirectory()) return folderTarget(named, path, options);
  if (!/\.html?$/i.test(path))
    throw new Untestable(
      `${named} is no folder and no HTML page.`,
      'Name the folder that the product lies in.',
    );
  const target = await folderTarget(named, dirname(path), options, { kind: 'static', dir: '.' });
  return { ...target, path: `/${encodeURIComponent(basename(path))}` };
}

function runningTarget(named: string, { auth, allow, progress }: OpenOptions): Target {
  const url = new URL(named);
  if (!LOOPBACK.test(url.hostname) && !isAllowed(url, allow))
    throw new Untestable(
      `${url.host} is not on this machine, and testing means attacking.`,
      `If it is yours to attack, say so: --allow ${url.host}.`,
    );
  progress(`will test what runs at ${url.origin}: its data will be littered`);
  const path = `${url.pathname}${url.search}`;
  return {
    kind: 'url',
    shown: named,
    layers: [],
    origin: url.origin,
    allow,
    ...(auth && { auth }),
    ...(path !== '/' && { path }),
    run: (run) => runBeside(url.origin, run),
  };
}

async function folderTarget(
  named: string,
  from: string,
  options: OpenOptions,
  given?: Plan,
): Promise<Target> {
  const { room, auth, allow, progress, note } = options;
  const sandbox = await openSandbox({ accept: 'none' });
  if (sandbox.isolation !== 'full')
    note(`Isolation: this machine contains project code only as "${sandbox.isolation}".`);
  const folder = join(room, 'sources');
  await copySources(from, folder);
  const plan = given ?? (await planFor(folder));
  progress(
    `will ${WORDS[plan.kind](plan)} in the sandbox (${sandbox.engine}), with no network but its own loopback`,
  );
  const layers = plan.kind === 'static' ? [] : await dependenciesOf(sandbox, from, folder, options);
  const entry = await entryOf(folder, plan);
  const start = startedBy(plan);
  const target = {
    kind: plan.kind,
    shown: named,
    folder,
    repository: from,
    layers,
    sandbox,
    origin: ORIGINS[plan.kind],
    allow,
    ...(auth && { auth }),
    ...(entry !== undefined && { entry }),
    ...(start !== undefined && { start }),
    ...('guessed' in plan && plan.guessed && { guessed: true }),
  };
  const ready = await makeReady(plan, sandbox, folder, layers, options);
  if (typeof ready === 'string')
    return { ...target, fault: ready, run: () => Promise.reject(new Error(ready)) };
  return { ...target, run: (run) => runContained(sandbox, layers, ready, run) };
}

const WORDS: Record<Plan['kind'], (plan: Plan) => string> = {
  worker: () => 'build the Worker and run it in workerd, with empty databases,',
  command: (plan) => `start \`${plan.kind === 'command' ? plan.command.join(' ') : ''}\``,
  static: (plan) => `serve the pages of ${plan.kind === 'static' ? plan.dir : ''}`,
  sources: () => 'look at the sources, for nothing here starts as a product,',
};
/** What a person types to start it. */
function startedBy(plan: Plan): string | undefined {
  if (plan.kind === 'command') return plan.command.filter((word) => word !== '--silent').join(' ');
  return plan.kind === 'worker' ? 'npx wrangler dev' : undefined;
}

/** Where a person would find the product when it is started by hand. */
const ORIGINS: Record<Plan['kind'], string> = {
  worker: 'http://127.0.0.1:8787',
  command: 'http://127.0.0.1:3000',
  static: 'http://127.0.0.1:8080',
  sources: '',
};

/** What is installed already is used as it is; else what the lockfile names is installed, with only the registry in reach. */
async function dependenciesOf(
  sandbox: Sandbox,
  from: string,
  folder: string,
  { room, note, progress }: OpenOptions,
): Promise<Layer[]> {
  const installed = await stat(join(from, 'node_modules')).catch(() => undefined);
  if (installed?.isDirectory()) return [{ from: join(from, 'node_modules'), at: '/node_modules' }];
  const { dependencies, devDependencies } = await manifestOf(folder);
  if (Object.keys({ ...dependencies, ...devDependencies }).length === 0) return [];
  progress('installing what the lockfile names');
  const layer = await dependencyLayer(sandbox, { lockfileDir: folder, store: join(room, 'layers') }).catch(
    (error: Error) => {
      note(`The product's packages: they could not be installed (${error.message.slice(0, 300)}).`);
      return undefined;
    },
  );
  return layer ? [{ from: layer.path, at: '/node_modules' }] : [];
}

type Ready = (work: string) => Promise<ProductStart>;

/** How the product is laid out for each run, or why it can not be built. */
async function makeReady(
  plan: Plan,
  sandbox: Sandbox,
  folder: string,
  layers: readonly Layer[],
  options: OpenOptions,
): Promise<Ready | string> {
  if (plan.kind === 'worker') return worker(plan.config, sandbox, folder, layers, options);
  if (plan.kind === 'static') {
    return async (work) => {
      await copySources(folder, join(work, 'project'));
      return { kind: 'static', dir: join('project', plan.dir) };
    };
  }
  if (plan.kind === 'sources') return async () => ({ kind: 'static', dir: '.' });
  if (plan.build) {
    options.progress('building: npm run build');
    const result = await sandbox.run({
      command: ['npm', 'run', '--silent', 'build'],
      work: folder,
      layers,
      limits: { wallMs: BUILD_MS },
      signal: options.signal,
    });
    if (result.exit !== 0) return `npm run build: ${result.stdout}\n${result.stderr}`.slice(-FAULT_CHARS);
  }
  return async (work) => {
    await copySources(folder, join(work, 'project'));
    return { kind: 'command', command: plan.command, cwd: 'project' };
  };
}

async function worker(
  name: string,
  sandbox: Sandbox,
  folder: string,
  layers: readonly Layer[],
  { note }: OpenOptions,
): Promise<Ready | string> {
  const file = join(folder, name);
  const { text, dropped } = localConfig(await readFile(file, 'utf8'));
  if (dropped.length > 0) await writeFile(file, text);
  if (dropped.length > 0)
    note(`${name}: ${dropped.join(', ')} have no meaning on this machine and were left out.`);
  try {
    const bundle = await bundleWorker(sandbox, { checkout: folder, layers });
    return (work) => layOutWorker(work, bundle);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ToolError') throw error;
    if ('rule' in error && error.rule === 'release.config')
      throw new Untestable(error.message, 'Only Workers with D1 databases and variables can be run here.');
    return `${error.message} ${error.cause instanceof Error ? error.cause.message : ''}`.slice(
      0,
      FAULT_CHARS,
    );
  }
}
