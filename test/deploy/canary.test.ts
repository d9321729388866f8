import { expect, onTestFinished, test } from 'vitest';
import { checksOf } from '../../servers/deploy/progress.ts';
import { findRelease } from '../../servers/deploy/queries.ts';
import { acceptReview, answerOf, applyInfrastructure, passQa } from './evidence.ts';
import { sourceOf, startProductFactory } from './product_factory.ts';

interface Cut {
  release: string;
  preview: string;
  version: string;
}
interface Advanced {
  release: string;
  state: string;
  url: string | null;
  why: string;
  serves: string | null;
  fix?: string;
}

/** Users who ask a product all the time; each failed request is counted with its time. */
function users(url: string) {
  const failures: number[] = [];
  let over = false;
  let asked = 0;
  const going = Promise.all(
    [1, 2, 3].map(async () => {
      while (!over) {
        const status = await fetch(`${url}/wall`).then(
          async (answer) => (await answer.text()) && answer.status,
          () => 0,
        );
        asked += 1;
        if (status !== 200) failures.push(performance.now());
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }),
  );
  const stop = async () => {
    over = true;
    await going;
  };
  onTestFinished(stop);
  return { failures, asked: () => asked, stop };
}

test('version 1 ships, a bad version 2 comes back from its canary by itself, version 3 ships', async () => {
  const factory = await startProductFactory(['qa', 'provision', 'deploy']);
  const { db } = factory.services.store;
  const pipeline = await factory.pipeline();
  const qa = await factory.holding('qa', pipeline);
  const infra = await factory.holding('infra', pipeline);
  await applyInfrastructure(factory, infra);
  const health = 'health:\n  seconds: 1\n  sample: 60\n  slow_ms: 20000\n  interval_ms: 100\n';
  const index = await sourceOf('build-1', 'src/index.ts');
  /** Its tests and its contract hold; only who comes without the server's header sees the fault. */
  const wall = "app.get('/wall', async (c) => {";
  const bad = index.replace(
    wall,
    `${wall}\n  if (!c.req.header('x-millwright-verification')) throw new Error('no session');`,
  );
  expect(bad).not.toBe(index);

  const release = async (files: Record<string, string>) => {
    const change = await factory.submit(pipeline, 'build-2', { 'infra.yaml': health, ...files });
    await passQa(factory, change, qa);
    await acceptReview(factory, change);
    await factory.merge(change);
    return answerOf<Cut>(infra, 'release_cut');
  };

  const first = await release({});
  expect((await fetch(`${first.preview}/health`)).status).toBe(200);
  const target = await factory.services.target('local');
  expect(await target.serving('testimonials')).toBeNull();
  const one = await answerOf<Advanced>(infra, 'release_advance', { to: 'staging' });
  expect(one).toMatchObject({ release: 'R-1', state: 'staging', url: null, serves: null });
  const live = await answerOf<Advanced>(infra, 'release_advance');
  expect(live).toMatchObject({ state: 'live', serves: 'R-1' });
  const url = live.url ?? '';

  const second = await release({ 'src/index.ts': bad });
  const crowd = users(url);
  const back = await answerOf<Advanced>(infra, 'release_advance');
  const returned = performance.now();
  expect(back).toMatchObject({
    release: 'R-2',
    state: 'rolled-back',
    serves: 'R-1',
    why: expect.stringMatching(/^canary-10: real traffic: \d+ of \d+ requests failed, against 0 of/),
    fix: expect.stringMatching(/^T-\d+$/),
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  await crowd.stop();
  expect(crowd.failures.length).toBeGreaterThan(1);
  expect(crowd.failures.length).toBeLessThan(crowd.asked() / 4);
  expect(crowd.failures.filter((at) => at > returned)).toEqual([]);
  expect(await target.serving('testimonials')).toMatchObject({
    shares: [{ version: first.version, percent: 100 }],
  });
  const row = await findRelease(db, 2);
  expect(row && checksOf(row).map(({ step, healthy }) => [step, healthy])).toEqual([
    ['preview', true],
    ['staging', true],
    ['canary-10', false],
  ]);
  expect(row && checksOf(row).at(-1)?.evidence).toMatchObject({ back: 'verified' });
  const fix = await db
    .selectFrom('tasks')
    .selectAll()
    .where('id', '=', Number(back.fix?.slice(2)))
    .executeTakeFirstOrThrow();
  expect(fix).toMatchObject({ role: 'developer', state: 'ready', created_by: 'server' });
  expect(fix.description).toContain(second.version.split('-')[1]);
  expect((await infra.call('release_advance', { release: 'R-2' })).text).toMatch(
    /^CONFLICT: R-2 is rolled-back and does not go on/,
  );

  const third = await release({ 'README.md': '# Testimonials\n\nOnce more.\n' });
  expect(await answerOf<Advanced>(infra, 'release_advance', { to: 'canary-50' })).toMatchObject({
    state: 'canary-50',
    serves: 'R-1',
  });
  expect((await target.serving('testimonials'))?.shares).toEqual([
    { version: first.version, percent: 50 },
    { version: third.version, percent: 50 },
  ]);
  expect(await answerOf<Advanced>(infra, 'release_advance')).toMatchObject({ state: 'live', url });
  expect(await target.serving('testimonials')).toEqual({
    shares: [{ version: third.version, percent: 100 }],
    url,
  });
  const { releases } = await infra.ok<{ releases: { state: string }[] }>('release_list');
  expect(releases.map(({ state }) => state)).toEqual(['live', 'rolled-back', 'live']);

  const entries = await db
    .selectFrom('activity')
    .select(['event', 'body'])
    .where('subject', '=', 'release:2')
    .where('event', 'like', 'release.%')
    .orderBy('seq')
    .execute();
  expect(entries.map(({ event, body }) => [event, JSON.parse(body ?? '{}').step])).toEqual([
    ['release.step', 'preview'],
    ['release.intent', 'staging'],
    ['release.step', 'staging'],
    ['release.intent', 'canary-10'],
    ['release.step', 'canary-10'],
  ]);
}, 180_000);
