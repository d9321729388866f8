import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { startRunner } from '../../hosts/run/runner.ts';
import { openRunSession } from '../../hosts/run/session.ts';
import { userPool } from '../../hosts/run/users.ts';
import { answerCall } from '../../servers/core/call.ts';
import { applyFirstDefinition, readDefinition } from '../../servers/core/factory/create.ts';
import { createAuthority, type InitialFile } from '../../servers/core/git/authority.ts';
import { serveHttp } from '../../servers/core/http.ts';
import { openServices } from '../../servers/core/open.ts';
import { setUpSeparation } from '../../servers/core/separation.ts';
import { loadFleet } from '../../servers/fleet.ts';
import { insertSpawn } from '../../servers/tasks/agents_queries.ts';
import { insertTask } from '../../servers/tasks/queries.ts';

/** A product that every gate of a shipped factory passes. */
export const PRODUCT: InitialFile[] = [
  { path: 'README.md', content: '# Sums\n' },
  { path: 'CLAUDE.md', content: 'MAINLINE-SAYS: read before you write.\n' },
  {
    path: 'package.json',
    content: '{"name":"sums","type":"module","private":true,"scripts":{"test":"node --test"}}\n',
  },
  {
    path: 'wrangler.jsonc',
    content: '{ "name": "sums", "main": "src/index.js", "compatibility_date": "2026-11-01" }\n',
  },
  {
    path: 'src/index.js',
    content:
      "import { add } from './add.js';\nexport default { fetch: () => new Response(String(add(1, 2))) };\n",
  },
  { path: 'src/add.js', content: 'export const add = (a, b) => a + b;\n' },
  {
    path: 'test/add.test.js',
    content:
      "import test from 'node:test';\nimport assert from 'node:assert';\nimport { add } from '../src/add.js';\ntest('adds', () => assert.equal(add(1, 2), 3));\n",
  },
];

/** The parsed factory.yaml, as far as a test changes it. */
export interface Parsed {
  roles: Record<string, object>;
  limits?: object;
  hosts?: object;
}

export interface MillOptions {
  /** Changes the parsed factory.yaml of the preset `solo`. */
  change?: (factory: Parsed) => unknown;
  files?: readonly InitialFile[];
  /** Pipelines besides those that ship, by name. */
  pipelines?: Readonly<Record<string, object>>;
  env?: Readonly<Record<string, string>>;
  /** The user of the system that runs have, as under `millwright up --user`. */
  user?: string;
}

/** A factory with a mainline, served on loopback, with a runner; in real time. `close` ends all of it. */
export async function openMill({ change, files = PRODUCT, pipelines = {}, env = {}, user }: MillOptions) {
  const home = await mkdtemp(join(tmpdir(), 'mill-'));
  const fleet = await loadFleet();
  const log: string[] = [];
  const services = await openServices(home, {
    jobs: fleet.jobs,
    sessionOpened: fleet.sessionOpened,
    log: (line) => {
      log.push(line);
      if (process.env.DEBUG) process.stderr.write(`${line}\n`);
    },
  });
  const shipped = await readDefinition('solo');
  const factory = parse(shipped['factory.yaml'] ?? '');
  factory.memory.required = false;
  await change?.(factory);
  factory.pipelines.push(...Object.keys(pipelines));
  const more = Object.entries(pipelines).map(([name, pipeline]) => [
    `pipelines/${name}.yaml`,
    stringify({ pipeline: name, ...pipeline }),
  ]);
  const definition = { ...shipped, 'factory.yaml': stringify(factory), ...Object.fromEntries(more) };
  await applyFirstDefinition(services, definition, 'initial');
  await createAuthority(services.paths.git, { initial: [...files], message: 'Start', at: new Date() });
  const server = await serveHttp({ services, fleet: fleet.tools });
  const runnerEnv = {
    PATH: process.env.PATH ?? '',
    TMPDIR: process.env.TMPDIR ?? tmpdir(),
    HOME: home,
    ...env,
  };
  const agents = await mkdtemp(join(tmpdir(), 'agents-'));
  await chmod(agents, 0o711);
  const users =
    user === undefined ? undefined : userPool(await setUpSeparation(services.paths, [user], agents));
  const runner = await startRunner({ services, tools: fleet.tools, url: server.url, env: runnerEnv, users });
  const { db } = services.store;
  return {
    home,
    services,
    fleet,
    log,
    db,
    /** Queues a run of an agent for a new task of its role. Returns the ids of both. */
    async queue(role: string, agent: string, message = '', description = '') {
      return services.store.transaction(async (tx) => {
        const now = services.clock.now();
        const work = { title: 'Ship it', description, criteria: ['It adds'], stops: ['It does not'] };
        const task = await insertTask(tx, { ...work, role, priority: 50, needs: [], createdBy: 'ceo', now });
        const { id } = await insertSpawn(tx, {
          role,
          agent,
          task,
          message,
          root: 'r',
          requestedBy: 'ceo',
          now,
        });
        return { task, run: id };
      });
    },
    /** Waits until a run has ended. */
    async ended(run: number, ms = 60_000) {
      for (const until = Date.now() + ms; ; ) {
        const row = await db.selectFrom('spawns').selectAll().where('id', '=', run).executeTakeFirstOrThrow();
        if (row.ended_at !== null) return row;
        if (Date.now() > until)
          throw new Error(`Run ${run} still runs: ${JSON.stringify(row)} ${log.join('\n')}`);
        await services.store.changed(300);
      }
    },
    /** What the description of its brief tells an agent that takes a task; it is given back. */
    async briefOf(agent: string, task: number): Promise<string> {
      const { id } = await openRunSession(services, { id: 0, agent }, 60_000);
      const call = (name: string, input: object) =>
        answerCall(fleet.tools, services, id, {
          name,
          arguments: input,
          signal: new AbortController().signal,
        });
      const answer = await call('task_checkout', { task: `T-${task}` });
      if (!answer.ok) throw answer.error;
      await call('task_return', { why: 'It was only read.' });
      return String(answer.value.description);
    },
    task: (id: number) => db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirstOrThrow(),
    /** What the record says of a subject, oldest first. */
    record: (subject: string) =>
      db
        .selectFrom('activity')
        .select(['event', 'tool', 'why', 'agent'])
        .where('subject', '=', subject)
        .orderBy('seq')
        .execute(),
    runner,
    async close() {
      await runner.stop('The test is over.');
      await server.close();
      await services.close();
      for (const folder of [home, agents]) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

export type Mill = Awaited<ReturnType<typeof openMill>>;
