import { expect, test } from 'vitest';
import { site, submit } from '../repo/site.ts';

const PLAN = { product: 'shop', target: 'local', resources: [{ kind: 'd1', name: 'orders' }] };
const servers = ['tasks', 'repo', 'provision', 'memory'];

test('a brief, the card and the note itself say what changed since it was written', async () => {
  const factory = await site({ servers });
  const infra = await factory.worker('infra');
  const { plan, digest } = await infra.ok<{ plan: string; digest: string }>('infra_propose', PLAN);
  const cto = await factory.agent('cto');
  await cto.ok('infra_review', { plan, digest, verdict: 'accept', reasons: 'Exactly what the spec stores.' });
  await infra.ok('memory_write', {
    entries: [
      { kind: 'fact', text: 'There is no database yet.', about: ['Database: orders'] },
      { kind: 'fact', text: 'Mainline is empty.', about: ['branch:mainline'] },
      { kind: 'fact', text: 'Nothing is live.', about: ['release:shop'] },
      { kind: 'fact', text: 'There is no other one.', about: ['database:others'] },
    ],
  });
  expect(await memoryOf(infra), 'before').toHaveLength(5);

  factory.clock.advance(60_000);
  await infra.ok('infra_apply', { plan });
  const made = await submit(await factory.worker('developer'), { 'src/b.txt': 'b\n' });
  await factory.closeGates(made.commit);
  await (await factory.worker('principal-engineer')).ok('change_merge', { submission: made.submission });
  await factory.services.store.db
    .insertInto('releases')
    .values({
      product: 'shop',
      commit_id: made.commit,
      version: '1',
      bundle: 'b',
      target: 'local',
      state: 'live',
      url: null,
      previous: null,
      pipeline: null,
      task: null,
      evidence: null,
      created_at: factory.clock.now(),
    })
    .execute();

  const at = '2026-01-01T00:01:00.000Z';
  const warnings = [
    `M-3 is older than release:shop: R-1 (1) is live, cut at ${at}.`,
    `M-2 is older than branch:mainline: ${made.commit.slice(0, 12)} by developer was merged at ${at}.`,
    `M-1 is older than database:orders: I-1 was applied (create d1 orders) at ${at}.`,
  ];
  const brief = await memoryOf(infra);
  expect(brief.slice(0, 3)).toEqual(warnings);
  expect(brief).toContain('M-1 fact, 2026-01-01, T-1: There is no database yet.');
  const { card } = await infra.ok<{ card: string }>('memory_read');
  expect(card).toContain(`## Changed since you wrote it down\n${warnings.join('\n')}`);

  await infra.ok('memory_write', {
    entries: [
      {
        kind: 'fact',
        text: 'The database orders is there.',
        about: ['database:orders'],
        supersedes: ['M-1'],
      },
    ],
  });
  expect((await memoryOf(infra)).filter((line) => line.includes('older than'))).toEqual(warnings.slice(0, 2));
});

const memoryOf = async (agent: { ok<T>(tool: string): Promise<T> }) =>
  (await agent.ok<{ memory: string[] }>('task_checkout')).memory;
