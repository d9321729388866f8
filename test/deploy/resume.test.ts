import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { openServices } from '../../servers/core/open.ts';
import deploy from '../../servers/deploy/index.ts';
import { findRelease, insertRelease } from '../../servers/deploy/queries.ts';
import { applyInfrastructure } from './evidence.ts';
import { type ProductFactory, startProductFactory } from './product_factory.ts';

const server = (path: string) => JSON.stringify(import.meta.resolve(`../../servers/${path}`));

/** A process that takes up a release, and stops for good right before or after one step at the target. */
const PROCESS = `
  import { openServices } from ${server('core/open.ts')};
  import { cutRelease } from ${server('deploy/cut.ts')};
  const [home, when, step] = process.argv.slice(1);
  const stuck = () => new Promise(() => process.stdout.write('stuck'));
  const runner = async (input, job) => {
    const real = await job.services.target('local');
    const target = { ...real, async [step](...given) {
      if (when === 'before') await stuck();
      await real[step](...given);
      await stuck();
    } };
    return cutRelease(input, { ...job, services: { ...job.services, target: async () => target } });
  };
  const services = await openServices(home, { jobs: { 'release.cut': runner } });
  services.jobs.kick();
  setInterval(() => {}, 1000);`;

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

test('a release whose process is killed is finished by another, at every step, once', async () => {
  const factory = await startProductFactory(['provision']);
  const pipeline = await factory.pipeline();
  const { commit } = await factory.submit(pipeline, 'build-2');
  await applyInfrastructure(factory, await factory.holding('infra', pipeline));

  const { id, job } = await begin(factory, commit, pipeline);
  for (const [when, step] of [
    ['before', 'migrate'],
    ['after', 'split'],
  ] as const) {
    const args = ['--input-type=module', '--eval', PROCESS, factory.home, when, step];
    const child = execa(process.execPath, args, { reject: false });
    await new Promise((stuck) => child.stdout.once('data', stuck));
    child.kill('SIGKILL');
    await child;
    expect(await findRelease(factory.services.store.db, id)).toMatchObject({ state: 'cutting' });
    await factory.services.store.db
      .updateTable('leases')
      .set({ ends_at: 1 })
      .where('kind', '=', 'job')
      .execute();
  }

  const other = await openServices(factory.home, { jobs: deploy.jobs, log: () => {} });
  onTestFinished(() => other.close());
  const done = await other.jobs.wait(job, 25_000);

  expect(done).toMatchObject({ ok: true, result: { state: 'live', release: 'R-1' } });
  const release = await findRelease(other.store.db, id);
  expect(release).toMatchObject({ state: 'live', bundle: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const target = await other.target('local');
  expect(await target.serving('testimonials')).toEqual({
    shares: [{ version: release?.version, percent: 100 }],
    url: release?.url,
  });
  expect((await fetch(`${release?.url}/api/testimonials`)).status).toBe(200);
}, 90_000);

test('a version that does not start is failed, and what was served before still is', async () => {
  const factory = await startProductFactory(['provision', 'deploy']);
  const { services } = factory;
  const pipeline = await factory.pipeline();
  await applyInfrastructure(factory, await factory.holding('infra', pipeline));
  const good = await factory.submit(pipeline, 'build-2');
  const bad = await factory.submit(pipeline, 'build-2', { 'src/index.ts': 'throw new Error("at once");' });

  const first = await begin(factory, good.commit, pipeline);
  services.jobs.kick();
  expect(await services.jobs.wait(first.job, 25_000)).toMatchObject({ ok: true, result: { state: 'live' } });
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
