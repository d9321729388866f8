import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyFirstDefinition, readDefinition } from '../servers/core/factory/create.ts';
import { createAuthority } from '../servers/core/git/authority.ts';
import { serveHttp } from '../servers/core/http.ts';
import { openServices } from '../servers/core/open.ts';
import type { Services } from '../servers/core/services.ts';
import type { Row } from '../servers/core/store/schema.ts';
import { type Fleet, loadFleet } from '../servers/fleet.ts';
import { enterRunner } from '../servers/tasks/runs_queries.ts';
import { type AgentSession, connect } from './connect.ts';
import { type HostTools, hostTools } from './host_tools.ts';
import { PRODUCT } from './product.ts';
import type { Scenario } from './scenario.ts';
import { isDear, layOut, makeState } from './states.ts';
import { addWork } from './work.ts';

/** Where one run of one scenario happens: real servers over a store of their own, and a session of the role. */
export interface Scene {
  readonly session: AgentSession;
  /** What task_checkout answered; null when the role holds nothing. */
  readonly brief: Record<string, unknown> | null;
  readonly host: HostTools;
  /** The rules by which the session's calls were refused. */
  rules(): Promise<string[]>;
  close(): Promise<void>;
}

export interface Stages {
  /** The names of all tools of the fleet. */
  readonly tools: ReadonlySet<string>;
  scene(scenario: Scenario): Promise<Scene>;
  close(): Promise<void>;
}

interface Opened {
  services: Services;
  open(agent: string): Promise<AgentSession>;
  close(): Promise<void>;
}

/** Prepares factories and the states of scenarios once each, below one temporary folder, and hands out copies. */
export async function openStages(): Promise<Stages> {
  const root = await mkdtemp(join(tmpdir(), 'millwright-words-'));
  const fleet = await loadFleet();
  const made = new Map<string, Promise<string>>();
  let copies = 0;
  const copyOf = async (home: string) => {
    const folder = join(root, `copy-${++copies}`);
    await cp(home, folder, { recursive: true });
    return folder;
  };
  const once = (key: string, make: () => Promise<string>) => {
    const known = made.get(key) ?? make();
    made.set(key, known);
    return known;
  };
  const base = (scenario: Scenario) => {
    const { factory } = scenario;
    const isCode = worksOnCode(scenario);
    const product = { ...PRODUCT, ...(isCode && scenario.files) };
    return once(JSON.stringify([factory, isCode, product]), async () => {
      const home = join(root, `base-${++copies}`);
      const { services, close } = await openHome(fleet, home);
      await applyFirstDefinition(services, await readDefinition(factory), 'initial');
      const initial = Object.entries(product).map(([path, content]) => ({ path, content }));
      if (isCode) await createAuthority(services.paths.git, { initial, message: 'Start', at: START });
      await services.sessionOpened?.('ceo'); // brings the shipped lessons
      await services.store.transaction((tx) => enterRunner(tx, 'runner:stage', Number.MAX_SAFE_INTEGER));
      await close();
      await layOut(folderOf(home), product);
      return home;
    });
  };
  const prepared = (scenario: Scenario) => {
    const { factory, role, stage, brief, files, change, later, plan } = scenario;
    const key = JSON.stringify([factory, role, stage, brief, files, change, later, plan]);
    return once(key, async () => {
      const home = await copyOf(await base(scenario));
      const opened = await openHome(fleet, home);
      await prepare(opened, scenario);
      await opened.close();
      return home;
    });
  };
  return {
    tools: new Set(fleet.tools.keys()),
    async scene(scenario) {
      const isCopied = isDear(scenario.stage);
      const home = await copyOf(await (isCopied ? prepared(scenario) : base(scenario)));
      if (!worksOnCode(scenario)) await layOut(folderOf(home), { ...PRODUCT, ...scenario.files });
      const opened = await openHome(fleet, home);
      const task = isCopied ? await waiting(opened.services, scenario) : await prepare(opened, scenario);
      return begin(opened, scenario, task);
    },
    close: () => rm(root, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** When the product's first commit was made. */
const START = new Date('2026-01-01T00:00:00Z');

/** Only who works on code needs its files in git; the others have them in their folder. */
const worksOnCode = ({ needs, stage }: Scenario) =>
  isDear(stage) || needs.some((tool) => /^(?:workspace|change|qa|gate)_/.test(tool));

const folderOf = (home: string) => join(home, 'folder');

async function openHome(fleet: Fleet, home: string): Promise<Opened> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const log = (line: string) => process.env.DEBUG && process.stderr.write(`${line}\n`);
  const { jobs, sessionOpened } = fleet;
  const services = await openServices(home, { jobs, sessionOpened, log });
  const server = await serveHttp({ services, fleet: fleet.tools });
  const sessions: AgentSession[] = [];
  return {
    services,
    async open(agent) {
      const session = await connect(services, server.url, agent);
      sessions.push(session);
      return session;
    },
    async close() {
      await Promise.all(sessions.map((session) => session.close().catch(() => {})));
      await server.close();
      await services.close();
    },
  };
}

/** Makes the scenario's work and state; the task that waits for its role, if any. */
async function prepare({ services, open }: Opened, scenario: Scenario): Promise<Row<'tasks'> | null> {
  const task = scenario.stage === 'idle' ? null : await addWork(services, scenario);
  await makeState({ services, scenario, task, open });
  return task;
}

/** In a copy of a prepared home: the role's task, which is the one nobody has done. */
async function waiting({ store }: Services, { role, brief }: Scenario): Promise<Row<'tasks'> | null> {
  const step = brief.step?.split('/')[1];
  const tasks = store.db
    .selectFrom('tasks')
    .selectAll()
    .where('role', '=', role)
    .where('state', '=', 'ready');
  const found = await (step === undefined ? tasks : tasks.where('step', '=', step)).executeTakeFirst();
  return found ?? null;
}

async function begin(opened: Opened, scenario: Scenario, task: Row<'tasks'> | null): Promise<Scene> {
  const { services, open, close } = opened;
  const { factory } = await services.factory();
  const session = await open(factory.roles[scenario.role]?.agents[0] ?? scenario.role);
  const brief = task && (await session.must('task_checkout', { task: `T-${task.id}` }));
  return {
    session,
    brief,
    host: hostTools(services, folderOf(services.paths.home)),
    async rules() {
      const rows = await services.store.db
        .selectFrom('refusals')
        .select('rule')
        .where('session', '=', session.id)
        .execute();
      return [...new Set(rows.map(({ rule }) => rule))];
    },
    async close() {
      await close();
      await rm(services.paths.home, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
