import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test, vi } from 'vitest';
import { askStop } from '../../servers/tasks/runs_queries.ts';
import { openMill } from '../hosts/mill.ts';

const FAKE = fileURLToPath(new URL('fake_host.mjs', import.meta.url));
/** Every variable that a host sees, where the runner has these and more. */
const SEEN =
  'ANTHROPIC_API_KEY CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC CLAUDE_CODE_MAX_RETRIES CLAUDE_CONFIG_DIR DISABLE_AUTOUPDATER HOME MILLWRIGHT_RUN PATH TMPDIR';
const sleepers = async () => (await execa('pgrep', ['-f', 'sleep 4321'], { reject: false })).stdout;

test('runs are bounded in silence, tokens and money, stopped by a person, and give their task back', async () => {
  const mill = await openMill({
    env: { SECRET: 'of the runner', ANTHROPIC_API_KEY: 'sk-ant-dummy' },
    change(factory) {
      const price = { input: 1, output: 2 };
      factory.hosts = {
        fake: {
          kind: 'claude-code',
          command: FAKE,
          prices: { cheap: price, dear: { input: 500, output: 500 } },
        },
      };
      factory.limits = { parallel: 1, run: { silence: 1.5, tokens: 2000, dollars: 1 }, day: { runs: 9 } };
      const on = (role: string, more: object) =>
        Object.assign(factory.roles[role] ?? {}, { host: 'fake', ...more });
      on('developer', { model: 'cheap' });
      on('qa', { model: 'dear' });
      on('reviewer', { model: 'unpriced' });
      on('ceo', { model: 'unpriced', fallback: [{ model: 'cheap' }] });
    },
  });
  const end = async (role: string, plan: string) =>
    mill.ended((await mill.queue(role, role, `FAKE:${plan}`)).run, 20_000);
  try {
    // Two at once: the second waits, since one runs at a time.
    const talks = await mill.queue('developer', 'developer', 'FAKE:env');
    const waits = await mill.queue('developer', 'developer-2', 'FAKE:crash');
    const env = await mill.ended(talks.run);
    const crashed = await mill.ended(waits.run);
    expect(env).toMatchObject({ outcome: 'returned', turns: 1, tokens: 500, micros: 600 });
    expect(env.said).toBe(SEEN);
    expect(crashed).toMatchObject({
      outcome: 'failed',
      said: expect.stringContaining('It ended with 7. out of luck'),
    });
    expect(Number(crashed.taken_at)).toBeGreaterThanOrEqual(Number(env.ended_at));
    expect(await mill.task(waits.task)).toMatchObject({
      state: 'ready',
      lapses: 1,
      workspace: expect.stringContaining('clones'),
    });
    const back = (await mill.record(`task:${waits.task}`)).filter(({ event }) => event === 'task.returned');
    expect(back).toEqual([
      expect.objectContaining({ agent: 'developer-2', why: expect.stringContaining('out of luck') }),
    ]);

    expect(await end('developer', 'silent')).toMatchObject({
      outcome: 'limit',
      said: expect.stringMatching(/silent for 1\.5 s.*I think now/),
    });
    expect(await sleepers()).toBe('');
    const spent = await end('developer', 'spend');
    expect(spent).toMatchObject({
      outcome: 'limit',
      turns: 4,
      tokens: 2000,
      said: expect.stringContaining('a run has 2000'),
    });
    expect(await end('qa', 'spend')).toMatchObject({ outcome: 'limit', turns: 4, micros: 1_000_000 });
    expect(await end('reviewer', 'talk')).toMatchObject({
      outcome: 'refused',
      turns: 0,
      host: null,
      said: expect.stringContaining('no price'),
    });
    expect(await end('ceo', 'talk')).toMatchObject({ outcome: 'returned', model: 'cheap' });

    const stopped = await mill.queue('developer', 'developer', 'FAKE:silent');
    await vi.waitFor(async () => expect(await sleepers()).not.toBe(''), 5000);
    await mill.services.store.transaction((tx) => askStop(tx, stopped.run, 'A person stopped it.'));
    expect(await mill.ended(stopped.run)).toMatchObject({ state: 'stopped', outcome: 'stopped' });
    expect(await mill.task(stopped.task)).toMatchObject({ state: 'ready', lapses: 0 });
    expect(await sleepers()).toBe('');

    const killed = await mill.queue('developer', 'developer', 'FAKE:silent');
    await vi.waitFor(async () => expect(await sleepers()).not.toBe(''), 5000);
    await mill.db
      .insertInto('kills')
      .values({ scope: 'role:developer', reason: 'too dear', at: 1 })
      .execute();
    expect(await mill.ended(killed.run)).toMatchObject({
      outcome: 'stopped',
      said: expect.stringContaining('A human stopped role:developer.'),
    });
    await mill.db.deleteFrom('kills').execute();

    // The tenth of the day waits in the queue.
    const tenth = await mill.queue('developer', 'developer', 'FAKE:talk');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(
      await mill.db.selectFrom('spawns').select('state').where('id', '=', tenth.run).executeTakeFirst(),
    ).toEqual({ state: 'queued' });

    const sessions = await mill.db.selectFrom('sessions').select(['root', 'ended_at']).execute();
    expect(sessions.every(({ ended_at }) => ended_at !== null)).toBe(true);
    expect(new Set(sessions.map(({ root }) => root)).size).toBe(sessions.length);
    const enrolments = await mill.db.selectFrom('enrolments').select('revoked_at').execute();
    expect(enrolments.every(({ revoked_at }) => revoked_at !== null)).toBe(true);

    const brief = await mill.briefOf('developer', waits.task);
    expect(brief).toMatch(/Run 2 had this task and did not hand it in \(failed\)\. .*out of luck/);
  } finally {
    await mill.close();
  }
});
