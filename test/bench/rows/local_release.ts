import { join } from 'node:path';
import { applyFirstDefinition, readDefinition } from '../../../servers/core/factory/create.ts';
import { createAuthority, headOfMain } from '../../../servers/core/git/authority.ts';
import { openServices } from '../../../servers/core/open.ts';
import type { Services } from '../../../servers/core/services.ts';
import { stopLocalRuntime } from '../../../servers/core/target/local/local.ts';
import deploy from '../../../servers/deploy/index.ts';
import { findRelease, insertRelease } from '../../../servers/deploy/queries.ts';
import { nextCommit } from '../next_commit.ts';
import { median, ROUNDS, type Row, rounded, type Surroundings } from '../row.ts';

const BAR_SECONDS = 15;
const PATIENCE_MS = 120_000;
const WRANGLER = JSON.stringify({
  name: 'shop',
  main: 'index.js',
  compatibility_date: '2026-01-01',
  d1_databases: [{ binding: 'DB', database_name: 'shop', migrations_dir: 'migrations' }],
});

const files = (version: number) => ({
  'wrangler.json': WRANGLER,
  'index.js': `export default { async fetch(request, env) {
  const { n } = await env.DB.prepare('SELECT count(*) AS n FROM item').first();
  return new Response('version ${version}, ' + n + ' items');
} };\n`,
  'migrations/0001.sql': 'CREATE TABLE item (id INTEGER PRIMARY KEY);\n',
});

/**
 * A whole release on the local target, from the commit to all traffic: the build in the sandbox, the upload, the
 * preview, the migrations, both canaries at the shipped thresholds (two seconds each) beside the version before, and
 * the look at every endpoint.
 */
export async function localRelease({ folder, signal, progress }: Surroundings): Promise<Row> {
  const home = join(folder, 'factory');
  const services = await openServices(home, { jobs: deploy.jobs, log: () => {} });
  try {
    await applyFirstDefinition(services, await readDefinition('solo'), 'initial');
    const plan = await applied(services);
    const start = Object.entries(files(0)).map(([path, content]) => ({ path, content }));
    const bare = await createAuthority(home, { initial: start, message: 'Start', at: new Date() });
    await released(services, await headOfMain(bare), plan);
    const seconds: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      signal.throwIfAborted();
      const commit = await nextCommit(bare, { path: 'index.js', content: files(round)['index.js'] });
      const begun = performance.now();
      await released(services, commit, plan);
      seconds.push((performance.now() - begun) / 1000);
      progress(`local release ${round}/${ROUNDS}: ${seconds.at(-1)?.toFixed(1)} s`);
    }
    const value = median(seconds);
    return {
      name: 'local release, from the commit to all traffic, through two canaries of 2 s',
      value: rounded(value),
      unit: 's',
      echo: null,
      ratio: null,
      bar: `≤ ${BAR_SECONDS} s`,
      pass: value <= BAR_SECONDS,
    };
  } finally {
    await services.close();
    await stopLocalRuntime(join(home, 'targets', 'local'));
  }
}

/** A plan whose resources exist. */
async function applied(services: Services): Promise<number> {
  const target = await services.target('local');
  const resources = [
    { kind: 'worker', name: 'shop' },
    { kind: 'd1', name: 'shop' },
  ] as const;
  for (const resource of resources) await target.ensure(resource);
  const { id } = await services.store.db
    .insertInto('plans')
    .values({
      product: 'shop',
      target: 'local',
      body: '{}',
      digest: '',
      state: 'applied',
      task: null,
      pipeline: null,
      agent: 'bench',
      root: 'bench',
      created_at: services.clock.now(),
      result: JSON.stringify({ resources }),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Takes a commit to production, by the jobs that the tools enqueue. */
async function released(services: Services, commit_id: string, plan: number): Promise<void> {
  const { jobs, store, clock } = services;
  const of = { product: 'shop', target: 'local', commit_id, pipeline: null, task: null };
  const { id } = await store.transaction((tx) => insertRelease(tx, { ...of, created_at: clock.now() }));
  const run = async (kind: string, input: Record<string, unknown>) => {
    const job = await store.transaction((tx) => jobs.enqueue(tx, kind, input, 'bench', clock.now()));
    jobs.kick();
    const ended = await jobs.wait(job, PATIENCE_MS);
    if (!ended?.ok) throw new Error(`${kind} of the bench failed`);
  };
  await run('release.cut', { release: id, plan, role: 'infra' });
  await run('release.advance', { release: id, to: 'production', role: 'infra' });
  const release = await findRelease(store.db, id);
  if (release?.state !== 'live')
    throw new Error(`the release of the bench is ${release?.state}: ${release?.checks}`);
}
