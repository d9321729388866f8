import { expect, test } from 'vitest';
import type { Agent } from '../harness.ts';
import { acceptReview, answerOf, applyInfrastructure, gateResult, passQa } from './evidence.ts';
import { type Change, type ProductFactory, sourceOf, startProductFactory } from './product_factory.ts';

interface Released {
  release: string;
  preview: string;
  version: string;
  commit: string;
}

interface Advanced {
  state: string;
  url: string;
  why: string;
}

const refusal = async (agent: Agent, args: Record<string, unknown> = {}) =>
  (await agent.call('release_cut', args)).text;

async function rulesOf(factory: ProductFactory): Promise<string[]> {
  const rows = await factory.services.store.db
    .selectFrom('activity')
    .select('rule')
    .where('tool', '=', 'release_cut')
    .where('rule', '<>', '')
    .orderBy('seq')
    .execute();
  return rows.map(({ rule }) => rule);
}

/** Everything a change needs before it may be released. */
async function ready(factory: ProductFactory, change: Change, qa: Agent): Promise<void> {
  await passQa(factory, change, qa);
  await acceptReview(factory, change);
  await factory.merge(change);
}

test('each rule refuses in its order and under its name, until nothing is missing', async () => {
  const factory = await startProductFactory(['qa', 'provision', 'deploy']);
  const { db } = factory.services.store;
  const pipeline = await factory.pipeline();
  const side = await factory.submit(null, 'base', { 'src/notes.ts': '// nothing to see here\nexport {};\n' });
  const change = await factory.submit(pipeline, 'build-2');
  const qa = await factory.holding('qa', pipeline);
  const infra = await factory.holding('infra', pipeline);

  expect(await refusal(infra)).toMatch(/^GATE_CLOSED: No commit of P-1 has a PASS/);
  await qa.ok('qa_verdict');
  expect(await refusal(infra, { pipeline: 'P-1' })).toMatch(/No commit of P-1 has a PASS/);

  await passQa(factory, change, qa);
  expect(await refusal(infra, { commit: side.commit })).toMatch(/is another commit/);
  expect(await refusal(infra)).toMatch(/not on mainline/);
  await db
    .updateTable('submissions')
    .set({ merged_commit: change.commit })
    .where('id', '=', change.submission)
    .execute();
  expect(await refusal(infra)).toMatch(/not on mainline/);

  await factory.merge(change);
  expect(await refusal(infra)).toMatch(/review: nobody else has reviewed this diff/);
  await acceptReview(factory, change);
  await gateResult(factory, change, 'docs', { closed: false });
  expect(await refusal(infra)).toMatch(/docs: docs did not pass/);
  await gateResult(factory, change, 'docs', { signed: false });
  expect(await refusal(infra)).toMatch(/docs: no valid signed statement/);
  await gateResult(factory, change, 'docs');
  await gateResult(factory, change, 'qa.suite', { closed: false });
  expect(await refusal(infra)).toMatch(/qa\.suite: qa\.suite ran/);
  await gateResult(factory, change, 'qa.suite');

  expect(await refusal(infra)).toMatch(/No infrastructure plan was applied/);
  await infra.ok('infra_propose', {
    product: 'testimonials',
    target: 'local',
    resources: [{ kind: 'worker', name: 'testimonials' }],
  });
  expect(await refusal(infra)).toMatch(/I-1 is only proposed/);
  await db.insertInto('kills').values({ scope: 'role:infra', reason: 'enough', at: 0 }).execute();
  expect(await refusal(infra)).toMatch(/^LIMIT: A human stopped role:infra/);
  await db.deleteFrom('kills').execute();

  await applyInfrastructure(factory, infra, []);
  expect(await refusal(infra)).toMatch(/^GATE_CLOSED: R-1 failed.*asks for the database testimonials/);
  expect(await factory.services.target('local').then((target) => target.serving('testimonials'))).toBeNull();

  await factory.submit(pipeline, 'build-2', { 'src/notes.ts': 'export {};\n' });
  expect(await refusal(infra)).toMatch(/The PASS is for/);

  expect([...new Set(await rulesOf(factory))]).toEqual([
    'release.no-pass',
    'release.changed',
    'release.not-merged',
    'release.evidence',
    'release.no-infra',
    'factory.stopped',
    'release.binding',
  ]);
  expect(await db.selectFrom('releases').select(['id', 'state']).execute()).toEqual([
    { id: 1, state: 'failed' },
  ]);
}, 60_000);

test('a release answers and is verified; the next one fails its verification and the first comes back', async () => {
  const factory = await startProductFactory(['qa', 'provision', 'deploy']);
  const { db } = factory.services.store;
  const pipeline = await factory.pipeline();
  const qa = await factory.holding('qa', pipeline);
  const infra = await factory.holding('infra', pipeline);
  const cto = await factory.holding('cto', pipeline);
  await applyInfrastructure(factory, infra);
  const good = await factory.submit(pipeline, 'build-2');
  await ready(factory, good, qa);

  const cut = await answerOf<Released>(infra, 'release_cut');
  expect(cut).toMatchObject({
    release: 'R-1',
    commit: good.commit,
    preview: expect.stringMatching(/^http:\/\/127\.0\.0\.1:/),
  });
  expect(await (await fetch(`${cut.preview}/health`)).json()).toEqual({ ok: true });
  expect((await cto.call('release_verify')).text).toMatch(/^CONFLICT: R-1 is preview, not live/);
  const live = await answerOf<Advanced>(infra, 'release_advance');
  expect(live).toMatchObject({ state: 'live', url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:/) });
  const first = { ...cut, url: live.url };
  expect(await (await fetch(`${first.url}/health`)).json()).toEqual({ ok: true });
  expect(await answerOf<Released>(infra, 'release_cut')).toMatchObject({
    release: 'R-1',
    version: first.version,
  });

  const verified = await cto.ok<{ verified: boolean; checks: object[] }>('release_verify');
  expect(verified).toMatchObject({ verified: true, serves: 'R-1', release: 'R-1' });
  expect(verified.checks).toEqual(
    expect.arrayContaining([
      { method: 'GET', path: '/health', status: 200, ok: true, why: 'as promised' },
      { method: 'POST', path: '/api/testimonials', status: 201, ok: true, why: 'as promised' },
      expect.objectContaining({ path: '/wall', status: 200 }),
    ]),
  );
  const wall = await (await fetch(`${first.url}/wall`)).text();
  expect(wall).toContain('Millwright verification');

  const index = await sourceOf('build-1', 'src/index.ts');
  const broken = index.replace(
    "c.json({ ok: true }));\napp.get('/openapi",
    "c.json({ ok: false }, 500));\napp.get('/openapi",
  );
  expect(broken).not.toBe(index);
  const bad = await factory.submit(pipeline, 'build-2', { 'src/index.ts': broken });
  await ready(factory, bad, qa);
  const second = await answerOf<Released>(infra, 'release_cut');
  expect(second).toMatchObject({ release: 'R-2', commit: bad.commit });
  expect((await fetch(`${second.preview}/health`)).status).toBe(500);
  expect((await cto.call('release_verify', { release: 'R-1' })).text).toMatch(
    /^CONFLICT: R-1 is no longer the newest/,
  );
  expect(await answerOf<Advanced>(infra, 'release_advance')).toMatchObject({
    release: 'R-2',
    state: 'failed',
    serves: 'R-1',
    why: 'staging: GET /health: the server failed (1 failed)',
  });
  expect((await fetch(`${first.url}/health`)).status).toBe(200);
  expect((await cto.call('release_verify', { release: 'R-2' })).text).toMatch(/^CONFLICT: R-2 is failed/);

  // A live version that breaks later: its table is gone, as after a mistake in the database.
  const target = await factory.services.target('local');
  const [database] = (await target.resources()).filter(({ kind }) => kind === 'd1');
  if (!database) throw new Error('no database');
  await target.remove(database);
  await target.ensure({ kind: 'd1', name: 'testimonials' });
  const failed = await cto.ok<{ checks: object[] }>('release_verify', { release: 'R-1' });
  expect(failed).toMatchObject({ verified: false, release: 'R-1', serves: null });
  expect(failed.checks[0]).toMatchObject({ status: 500, ok: false, why: 'the server failed' });
  await expect(fetch(`${first.url}/health`)).rejects.toThrow();

  const args = { release: 'R-1', why: 'it is taken down' };
  expect((await cto.call('release_rollback', { ...args, release: 'R-9' })).text).toMatch(
    /^NOT_FOUND: No release R-9/,
  );
  const third = await answerOf<Released>(infra, 'release_cut');
  expect(third).toMatchObject({ release: 'R-3', commit: bad.commit });
  expect((await fetch(third.preview)).status).toBe(200);
  const away = { release: 'R-3', why: 'it is not wanted any more' };
  expect(await cto.ok('release_rollback', away)).toEqual({
    release: 'R-3',
    state: 'rolled-back',
    serves: null,
  });
  await expect(fetch(third.preview)).rejects.toThrow();
  expect((await cto.call('release_rollback', args)).text).toMatch(/^CONFLICT: R-1 is rolled-back/);
  const { releases } = await cto.ok<{ releases: object[] }>('release_list');
  expect(releases).toMatchObject([
    { release: 'R-1', state: 'rolled-back', before: null },
    { release: 'R-2', state: 'failed', before: 'R-1' },
    { release: 'R-3', state: 'rolled-back', before: null },
  ]);
  expect(await db.selectFrom('jobs').select('kind').where('kind', '=', 'release.cut').execute()).toHaveLength(
    3,
  );
}, 90_000);
