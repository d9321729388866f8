import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { parseDocument } from 'yaml';
import { Actor } from './actor.ts';
import { type CommandLine, type CommandResult, commandLine } from './command.ts';

export const PRODUCT = join(dirname(fileURLToPath(import.meta.url)), '..', 'rehearsal', 'product');
const PACKAGE = join(PRODUCT, '..', '..');
/** Three seconds after the last beat a lease ends here: soon enough to be watched, and no busy machine misses three beats. */
const BEAT_SECONDS = 1;

export interface FactoryInfo {
  roles: Record<string, { agents: string[]; may: string[]; writes: string[] }>;
  stands_in: Record<string, string>;
  lead: string;
}

/** The place a rehearsal happens in: a product repository and a factory of its own, both thrown away after. */
export interface Stage {
  readonly folder: string;
  readonly home: string;
  readonly factoryHome: string;
  readonly repository: string;
  readonly factory: FactoryInfo;
  readonly millwright: CommandLine;
  /** The role that does the work of a role that pipelines name. */
  roleFor(name: string): string;
  /** The actor of an agent, started on first use. */
  actor(agent: string, hostSession?: string): Promise<Actor>;
  /** A further session of an agent, as another host would open it. */
  session(agent: string, hostSession?: string, enrolment?: string): Promise<Actor>;
  /** The agent of a role that is running already, else the first of the role. */
  agentFor(role: string): string;
  /** Ends an agent's session, as a host does when its run is over. */
  end(agent: string): Promise<void>;
  close(): Promise<void>;
}

export interface StageOptions {
  factory: string;
  keep?: string | undefined;
  signal: AbortSignal;
}

/** Builds the stage with the command line alone, as a user would. Leaves nothing behind when that fails. */
export async function setStage({ factory, keep, signal }: StageOptions): Promise<Stage> {
  const folder = keep ?? (await mkdtemp(join(tmpdir(), 'millwright-rehearsal-')));
  const strike = async () => {
    if (!keep) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const set = await makeFactory(folder, factory, signal);
    const cast = makeCast(set.info, set.home, set.factoryHome);
    return {
      ...set,
      ...cast,
      folder,
      factory: set.info,
      roleFor: (name) => (set.info.roles[name] ? name : (set.info.stands_in[name] ?? name)),
      async close() {
        await cast.endAll();
        await set.millwright(['doctor', '--reap']).catch(() => {});
        await strike();
      },
    };
  } catch (error) {
    await strike();
    throw error;
  }
}

async function makeFactory(folder: string, factory: string, signal: AbortSignal) {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const repository = join(folder, 'testimonials');
  const home = join(folder, 'millwright');
  await makeRepository(repository);
  const file = await shortenedLeases(factory, folder);
  const millwright = commandLine(home, repository, signal);
  await must(millwright(['init', '--factory', file, '--name', 'rehearsal', '--rehearsal']), 'The factory');
  const shown = await must(millwright(['factory', 'show']), 'The definition');
  const imported = millwright(['layer', 'import', installedModules(), '--product', repository]);
  await must(imported, "The product's dependencies");
  const info = shown.json.factory as FactoryInfo;
  return { repository, home, factoryHome: join(home, 'rehearsal'), millwright, info };
}

/** The agents that run, each in a process of its own. */
function makeCast(info: FactoryInfo, home: string, factoryHome: string) {
  const actors = new Map<string, Promise<Actor>>();
  const extra: Actor[] = [];
  const enrolmentOf = (agent: string) => join(factoryHome, 'enrolments', `${agent}.json`);
  const start = (agent: string, hostSession?: string, enrolment = enrolmentOf(agent)) => {
    const role = Object.entries(info.roles).find(([, { agents }]) => agents.includes(agent))?.[0];
    if (!role) throw new Error(`The factory has no agent ${agent}.`);
    return Actor.start({ agent, role, home, enrolment, ...(hostSession && { hostSession }) });
  };
  return {
    actor(agent: string, hostSession?: string) {
      const known = actors.get(agent) ?? start(agent, hostSession);
      actors.set(agent, known);
      return known;
    },
    async session(agent: string, hostSession?: string, enrolment?: string) {
      const actor = await start(agent, hostSession, enrolment);
      extra.push(actor);
      return actor;
    },
    agentFor(role: string) {
      const agents = info.roles[role]?.agents ?? [];
      return agents.find((agent) => actors.has(agent)) ?? agents[0] ?? '';
    },
    async end(agent: string) {
      const actor = actors.get(agent);
      actors.delete(agent);
      await (await actor)?.close();
    },
    async endAll() {
      const open = await Promise.allSettled(actors.values());
      const started = open.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      await Promise.all([...extra, ...started].map((actor) => actor.close()));
    },
  };
}

async function makeRepository(repository: string): Promise<void> {
  await cp(join(PRODUCT, 'base'), repository, { recursive: true });
  await gitAs('owner', repository, ['init', '-q', '-b', 'main']);
  await gitAs('owner', repository, ['add', '-A']);
  await gitAs('owner', repository, ['commit', '-q', '-m', 'Start the product']);
}

/** Git as a person or an agent runs it in a folder of its own. */
export async function gitAs(who: string, cwd: string, args: readonly string[]): Promise<string> {
  const identity = [
    '-c',
    `user.name=${who}`,
    '-c',
    `user.email=${who}@factory.invalid`,
    '-c',
    'commit.gpgsign=false',
  ];
  const { stdout } = await execa('git', [...identity, ...args], { cwd, timeout: 60_000 });
  return stdout;
}

/** The factory's definition with leases short enough to be watched; the rest stays as it was written. */
async function shortenedLeases(factory: string, folder: string): Promise<string> {
  const shipped = join(PACKAGE, 'factories', `${factory}.yaml`);
  const file = (await isFile(shipped)) ? shipped : resolve(factory);
  const target = join(folder, 'definition');
  await mkdir(target, { recursive: true });
  const pipelines = join(dirname(file), 'pipelines');
  if (await isFile(join(pipelines, 'product.yaml')))
    await cp(pipelines, join(target, 'pipelines'), { recursive: true });
  const document = parseDocument(await readFile(file, 'utf8'));
  if (document.errors.length === 0) document.setIn(['lease', 'beat'], BEAT_SECONDS);
  await writeFile(join(target, 'factory.yaml'), document.toString({ lineWidth: 0 }));
  return join(target, 'factory.yaml');
}

const isFile = (path: string) =>
  stat(path).then(
    (info) => info.isFile(),
    () => false,
  );

/** The folder that holds the packages the product needs, wherever npm put them: beside this package or in it. */
function installedModules(): string {
  const [folder] = createRequire(import.meta.url)
    .resolve('hono')
    .split(`${sep}hono${sep}`);
  return folder ?? '';
}

/** The result of a command that must succeed. */
export async function must(running: Promise<CommandResult>, what: string): Promise<CommandResult> {
  const result = await running;
  if (result.exit === 0) return result;
  const { message } = (result.json.error ?? {}) as { message?: string };
  throw new Error(`${what}: ${message ?? result.stderr.split('\n')[0] ?? 'the command failed'}`);
}
