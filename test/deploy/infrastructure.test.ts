import { expect, test } from 'vitest';
import { boundConfig, infrastructureOf } from '../../servers/deploy/infrastructure.ts';
import { versionOf } from '../core/target/cloudflare_version.ts';

const WORKERS = [
  { name: 'shop', crons: ['0 3 * * *'], secrets: ['KEY', 'SPARE'] },
  { name: 'other', crons: ['* * * * *'], secrets: ['THEIRS'] },
];
const result = JSON.stringify({ resources: [{ kind: 'worker', name: 'shop' }] });
const plan = (workers?: typeof WORKERS) => infrastructureOf({ result, body: JSON.stringify({ workers }) });
const asking = (more: Parameters<typeof versionOf>[1]) => versionOf('R1', more).config;

test('a release gets the cron triggers and secrets that its plan names for its own Worker, and no others', () => {
  const config = asking({ crons: ['0 3 * * *'], secrets: ['KEY'] });

  expect(boundConfig(config, plan(WORKERS))).toBe(config);
  for (const [more, what] of [
    [{ crons: ['* * * * *'] }, 'the cron trigger * * * * *'],
    [{ secrets: ['KEY', 'THEIRS'] }, 'the secret THEIRS'],
    [{ name: 'other' }, 'the Worker other'],
    [{ kv: [{ binding: 'KV', namespace: 'cart' }] }, 'the KV namespace cart'],
  ] as const)
    expect(() => boundConfig(asking(more as never), plan(WORKERS))).toThrow(
      expect.objectContaining({ rule: 'release.binding', message: expect.stringContaining(what) }),
    );
  expect(() => boundConfig(config, plan())).toThrow(
    expect.objectContaining({ rule: 'release.binding', message: expect.stringContaining('cron') }),
  );
});
