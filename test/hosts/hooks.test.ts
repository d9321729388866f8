import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cardId } from '../../servers/memory/state_cards.ts';
import { trustCodexHooks } from './codex_trust.ts';
import { compacting, FULL } from './compacting.ts';
import { type HostDesk, openHostDesk } from './desk.ts';
import { type Block, plan } from './plan.ts';

const CARD = '# Where ceo (ceo) stands';

let desk: HostDesk;
beforeAll(async () => {
  desk = await openHostDesk('solo', compacting([]));
  await trustCodexHooks(desk.person, desk.repository);
});
afterAll(() => desk.close());

const list = (tool = 'mcp__millwright__task_list'): Block => ({ tool, input: {}, read: FULL });
const wasToldAgain = () => desk.model.requests.some((request) => JSON.stringify(request).includes(CARD));

/** The events of one host session of the CEO that a card was kept for. */
async function keptFor(hostSession: string): Promise<string[]> {
  const rows = await desk.withStore(({ store }) =>
    store.db.selectFrom('state_cards').select(['id', 'body']).execute(),
  );
  const events = ['PreCompact', 'SessionEnd'];
  return events.filter((event) =>
    rows.some(
      ({ id, body }) => id === cardId({ agent: 'ceo', hostSession, event, at: 0 }) && body.includes(CARD),
    ),
  );
}

/** Does something with some of the hooks taken out of the settings. */
async function without(events: readonly string[], work: () => Promise<void>): Promise<void> {
  const settings = join(desk.repository, '.claude', 'settings.local.json');
  const text = await readFile(settings, 'utf8');
  const { hooks, ...rest } = JSON.parse(text);
  for (const event of events) delete hooks[event];
  await writeFile(settings, JSON.stringify({ hooks, ...rest }));
  await work().finally(() => writeFile(settings, text));
}

it('Claude Code: a card is kept before a compaction and at the end, and comes back after it; by the hooks alone', async () => {
  const session = randomUUID();
  await desk.claude('claude-code', [list(), list()], ['--session-id', session]);
  expect(wasToldAgain()).toBe(true);
  expect(await keptFor(session)).toEqual(['PreCompact', 'SessionEnd']);

  await without(['SessionStart', 'PreCompact', 'SessionEnd'], async () => {
    const other = randomUUID();
    await desk.claude('claude-code', [list(), list()], ['--session-id', other]);
    expect(wasToldAgain()).toBe(false);
    expect(await keptFor(other)).toEqual([]);
  });
});

/** The servers of a host that ended need a moment; a lease lasts minutes. */
const SOON = { timeout: 10_000, interval: 100 };

it('the older Claude Code: a card is kept at the end', async () => {
  const session = randomUUID();
  await desk.claude('claude-code-older', [list()], ['--session-id', session]);
  expect(await keptFor(session)).toContain('SessionEnd');
});

it('Codex: a card is kept before a compaction and at the end, and comes back after it', async () => {
  const said = await desk.codex([list('mcp__millwright::task_list'), list('mcp__millwright::task_list')]);
  const session = /"thread_id":"([^"]+)"/.exec(said)?.[1] ?? '';
  expect(wasToldAgain()).toBe(true);
  expect(await keptFor(session)).toEqual(['PreCompact', 'SessionEnd']);
});

it('a sub-agent that stops is told once what it holds, by its hook; its lease ends with it either way', async () => {
  const create: Block = {
    tool: 'mcp__millwright__task_create',
    input: { title: 'Work', criteria: ['It works'], stops: ['It does not'], role: 'developer' },
  };
  const start: Block = {
    tool: 'Agent',
    input: {
      ...{ description: 'Start it', subagent_type: 'millwright-developer', run_in_background: false },
      prompt: plan({ tool: 'mcp__millwright-developer__task_checkout', input: {} }),
    },
  };
  const told = () =>
    desk.model.requests.filter(({ turns }) => /You still hold T-\d+\./.test(JSON.stringify(turns))).length;
  const held = () =>
    desk.withStore(({ store }) =>
      store.db
        .selectFrom('leases')
        .selectAll()
        .where('kind', '=', 'task')
        .where('ends_at', '>', Date.now())
        .execute(),
    );
  await desk.claude('claude-code', [create, start]);
  expect(told()).toBeGreaterThan(0);
  await expect.poll(held, SOON).toEqual([]);
  await without(['SubagentStop'], async () => {
    await desk.claude('claude-code', [create, start]);
    expect(told()).toBe(0);
    await expect.poll(held, SOON).toEqual([]);
  });
});
