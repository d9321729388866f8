import { afterEach, expect, test } from 'vitest';
import { atMostTokens } from '../../servers/core/memory/tokens.ts';
import { compacting, FULL, SUMMARY } from './compacting.ts';
import { closeMill, codexTool, openHostMill, tool } from './host_mill.ts';
import type { Parsed } from './mill.ts';
import { plan } from './plan.ts';
import { resultsIn } from './results.ts';

afterEach(closeMill);

const CARD = '# Where developer (developer) stands';

test.each([
  ['claude-code', tool],
  ['codex', codexTool],
] as const)(
  'on %s, a run that changed something remembers it, knows where it stands after a compaction, and teaches the next',
  async (host, call) => {
    const done = call('task_complete', { summary: 'It is written.' });
    const lesson = call('lesson_record', {
      root_cause: 'The page was rendered twice',
      fix: 'Render once',
      prevention: 'RENDER-ONCE before src/pages is touched',
      triggers: ['src/pages/**'],
      evidence: ['A-1'],
    });
    const { mill, model } = await openHostMill(compacting([lesson, done]), {
      change(factory: Parsed) {
        Object.assign(factory, { memory: { required: true } });
        Object.assign(factory.roles.developer ?? {}, {
          host,
          ...(host === 'codex' && { model: 'gpt-5.4' }),
        });
      },
    });
    const remembers = call('memory_write', {
      entries: [{ kind: 'decision', text: 'PRINT-FIRST: pages are print-ready' }],
    });
    const said = plan(
      call('task_checkout'),
      call('artifact_put', { name: 'notes', body: 'How a page is printed.' }),
      done,
      remembers,
      { ...call('task_list'), read: FULL },
    );
    const { task, run } = await mill.queue('developer', 'developer', said);
    expect(await mill.ended(run)).toMatchObject({ outcome: 'completed', host });

    const refused = resultsIn(model.requests).filter(({ text }) => /GATE_CLOSED/.test(text));
    expect(refused).toHaveLength(1);
    expect(refused[0]?.text).toMatch(/wrote no memory.*Call memory_write/s);
    const compacted = model.requests.find((request) => JSON.stringify(request).includes(CARD));
    const told = JSON.stringify(compacted);
    expect(told).toContain(SUMMARY);
    expect(told).toContain(`You hold T-${task}`);
    expect(told).toContain('PRINT-FIRST');
    const kept = await mill.db.selectFrom('state_cards').select(['agent', 'task', 'body']).execute();
    expect(kept).toEqual([{ agent: 'developer', task: null, body: expect.stringContaining('PRINT-FIRST') }]);
    expect(atMostTokens(kept[0]?.body ?? '')).toBeLessThanOrEqual(1500);

    model.requests.length = 0;
    const next = plan(call('task_checkout'), call('task_return', { why: 'Only read.' }));
    const second = await mill.queue('developer', 'developer-2', next, 'Mend src/pages/print.ts');
    await mill.ended(second.run);
    expect(resultsIn(model.requests)[0]?.text).toMatch(/L-\d+ \[.*by developer\] RENDER-ONCE/);
  },
);
