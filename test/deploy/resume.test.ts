import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { openServices } from '../../servers/core/open.ts';
import type { Services } from '../../servers/core/services.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { loadVersion } from '../../servers/core/target/local/versions.ts';
import type { Target } from '../../servers/core/target/target.ts';
import { advanceRelease } from '../../servers/deploy/advance.ts';
import deploy from '../../servers/deploy/index.ts';
import { findRelease, insertRelease, saveRelease } from '../../servers/deploy/queries.ts';
import { nextStep } from '../../servers/deploy/steps.ts';
import { applyInfrastructure } from './evidence.ts';
import { type ProductFactory, startProductFactory } from './product_factory.ts';

const server = (path: string) => JSON.stringify(import.meta.resolve(`../../servers/${path}`));

/** A process that takes up a release, and stops for good right before or after one step at the target. */
const PROCESS = `
  import { openServices } from ${server('core/open.ts')};
  import { advanceRelease } from ${server('deploy/advance.ts')};
  import { cutRelease } from ${server('deploy/cut.ts')};
  const [home, when, step] = process.argv.slice(1);
  const stuck = () => new Promise(() => process.stdout.write('stuck'));
  const stopping = (runner) => async (input, job) => {
    const real = await job.services.target('local');
    const target = { ...real, async [step](...given) {
      if (when === 'before') await stuck();
      await real[step](...given);
      await stuck();
    } };
    return runner(input, { ...job, services: { ...job.services, target: async () => target } });
  };
  const jobs = { 'release.cut': stopping(cutRelease), 'release.advance': stopping(advanceRelease) };
  const services = await openServices(home, { jobs });
  services.jobs.kick();
  setInterval(() => {}, 1000);`;

/** Has a process take up what waits, and kills it where it stopped; its lease is over at once. */
async function killed({ home, services }: ProductFactory, when: string, step: string): Promise<void> {
  const args = ['--input-type=module', '--eval', PROCESS, home, when, step];
  const child = execa(process.execPath, args, { reject: false });
  await new Promise((stuck) => child.stdout.once('data', stuck));
  child.kill('SIGKILL');
  await child;
  await services.store.db
    .updateTable('leases')
    .set({ ends_at: 1 })
    .where('kind', 'in', ['job', 'release'])
    .execute();
}

/** Enqueues the release of a commit, as release_cut does once every rule holds. */
async function begin({ services }: ProductFactory, commit: string, pipeline: number) {
  return services.store.transaction(async (tx) => {
    const row = { product: 'testimonials', target: 'local', pipeline, task: 1, created_at: Date.now() };
    const { id } = await insertRelease(tx, { ...row, commit_id: commit });
    const input = { release: id, plan: 1, role: 'infra' };
    const job = await services.jobs.enqueue(tx, 'release.cut', input, 'test', Date.now());
    return { id, job };
  });
}

/** Enqueues what release_advance does. */
const advance = ({ services }: ProductFactory, release: number) =>
  services.store.transaction((tx) =>
    services.jobs.enqueue(
      tx,
      'release.advance',
      { release, to: 'production', role: 'infra' },
      'test',
      Date.now(),
    ),
  );

test('a release whose process is killed is finished by another, at every step, once', async () => {
  const factory = await startProductFactory(['provision']);
  const pipeline = await factory.pipeline();
  const { commit } = await factory.submit(pipeline, 'build-2', {
    'infra.yaml': 'health: {seconds: 0, sample: 20, error_rate: 0.2, slow_ms: 20000}\n',
  });
  await applyInfrastructure(factory, await factory.holding('infra', pipeline));
  const { db } = factory.services.store;

  const { id, job } = await begin(factory, commit, pipeline);
  await killed(factory, 'before', 'previewUrl');
  expect(await findRelease(db, id)).toMatchObject({ state: 'cutting', step: null });
  const other = await openServices(factory.home, { jobs: deploy.jobs, log: () => {} });
  onTestFinished(() => other.close());
  expect(await other.jobs.wait(job, 25_000)).toMatchObject({ ok: true, result: { state: 'preview' } });
  await other.jobs.stop();

  const advanced = await advance(factory, id);
  await killed(factory, 'after', 'split');
  expect(await findRelease(db, id)).toMatchObject({ state: 'cutting', step: 'staging' });
  const third = await openServices(factory.home, { jobs: deploy.jobs, log: () => {} });
  onTestFinished(() => third.close());
  const done = await third.jobs.wait(advanced, 25_000);

  expect(done).toMatchObject({ ok: true, result: { state: 'live', release: 'R-1' } });
  const release = await findRelease(db, id);
  expect(release).toMatchObject({ state: 'live', bundle: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const target = await third.target('local');
  expect(await target.serving('testimonials')).toEqual({
    shares: [{ version: release?.version, percent: 100 }],
    url: release?.url,
  });
  expect((await fetch(`${release?.url}/api/testimonials`)).status).toBe(200);

  const next = await insertNext(factory, release);
  const stops = await stoppedEverywhere(third, target, next);
  expect(stops).toEqual([
    'migrate staging',
    'previewUrl staging',
    'split canary-10',
    'numbers canary-10',
    'split canary-50',
    'numbers canary-50',
    'split production',
  ]);
  expect(await findRelease(db, next.id)).toMatchObject({ state: 'live', step: 'production' });
  expect((await target.serving('testimonials'))?.shares).toEqual([{ version: next.version, percent: 100 }]);
  const steps = await db
    .selectFrom('activity')
    .select('body')
    .where('event', '=', 'release.step')
    .where('subject', '=', `release:${next.id}`)
    .execute();
  expect(steps.map(({ body }) => JSON.parse(body ?? '{}').step)).toEqual([
    'staging',
    'canary-10',
    'canary-50',
    'production',
  ]);
}, 120_000);

/** A second release of the same bytes, at its preview. */
async function insertNext(
  { services }: ProductFactory,
  before: Row<'releases'> | undefined,
): Promise<Row<'releases'>> {
  if (!before) throw new Error('nothing was released');
  const target = await services.target('local');
  const { product, commit_id, pipeline, task, bundle, health } = before;
  const next = await services.store.transaction(async (tx) => {
    const row = await insertRelease(tx, {
      product,
      commit_id,
      pipeline,
      task,
      target: 'local',
      created_at: Date.now(),
    });
    await saveRelease(tx, row.id, { bundle, health, step: 'preview' });
    return row;
  });
  await target.upload({
    ...(await loadVersion(join(services.paths.targets, 'local'), product, before.version)),
    version: next.version,
  });
  return next;
}

/**
 * Runs the job of a release again and again. Each run ends right after the first call of the target that no run
 * before it has ended after, as if its process died there; the last one ends by itself. Returns where runs ended.
 */
async function stoppedEverywhere(
  services: Services,
  real: Target,
  { id }: Row<'releases'>,
): Promise<string[]> {
  const stops: string[] = [];
  for (;;) {
    const after =
      (name: 'migrate' | 'previewUrl' | 'split' | 'numbers', what: (...given: never[]) => Promise<unknown>) =>
      async (...given: never[]) => {
        const answer = await what(...given);
        const next = nextStep((await findRelease(services.store.db, id))?.step ?? null, false);
        const stop = `${name} ${next}`;
        if (stops.includes(stop) || (name === 'previewUrl' && next !== 'staging')) return answer;
        stops.push(stop);
        throw new Killed();
      };
    const target = {
      ...real,
      migrate: after('migrate', real.migrate),
      previewUrl: after('previewUrl', real.previewUrl),
      split: after('split', real.split),
      numbers: after('numbers', real.numbers),
    } as Target;
    try {
      await advanceRelease(
        { release: id, to: 'production', role: 'infra' },
        {
          id: 0,
          session: 'test',
          signal: new AbortController().signal,
          services: { ...services, log: () => {}, target: async () => target },
        },
      );
      return stops;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
  }
}

class Killed extends Error {}

test('a version that does not start is failed, and what was served before still is', async () => {
  const factory = await startProductFactory(['provision', 'deploy']);
  const { services } = factory;
  const pipeline = await factory.pipeline();
  await applyInfrastructure(factory, await factory.holding('infra', pipeline));
  const good = await factory.submit(pipeline, 'build-2');
  const bad = await factory.submit(pipeline, 'build-2', { 'src/index.ts': 'throw new Error("at once");' });

  const first = await begin(factory, good.commit, pipeline);
  services.jobs.kick();
  expect(await services.jobs.wait(first.job, 25_000)).toMatchObject({
    ok: true,
    result: { state: 'preview' },
  });
  const live = await advance(factory, first.id);
  services.jobs.kick();
  expect(await services.jobs.wait(live, 25_000)).toMatchObject({ ok: true, result: { state: 'live' } });
  const second = await begin(factory, bad.commit, pipeline);
  services.jobs.kick();
  expect(await services.jobs.wait(second.job, 25_000)).toMatchObject({
    ok: true,
    result: { state: 'failed', why: expect.stringContaining('does not start') },
  });

  const { db } = services.store;
  const [before, failed] = [await findRelease(db, first.id), await findRelease(db, second.id)];
  expect([before?.state, failed?.state]).toEqual(['live', 'failed']);
  expect(await (await services.target('local')).serving('testimonials')).toMatchObject({
    shares: [{ version: before?.version, percent: 100 }],
  });
  expect((await fetch(`${before?.url}/health`)).status).toBe(200);
  expect(failed?.previous).toBe(first.id);
}, 60_000);
