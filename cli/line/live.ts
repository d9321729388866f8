import { dollars } from '../../hosts/run/limits.ts';
import { taskId } from '../../servers/core/ids.ts';
import type { Services } from '../../servers/core/services.ts';
import { shown } from '../io.ts';
import { lastEntry } from '../record_queries.ts';
import { recordAfter, runsOf } from './queries.ts';

const PAGE = 200;
const QUIET = ['task_checkout', 'task_wait', 'workspace_open'];

/** Tells of what the runs of a pipeline do, as the record and their rows say it; call it again and again. */
export async function liveView(services: Services, pipeline: number, tell: (line: string) => void) {
  const { db } = services.store;
  let seq = (await lastEntry(db))?.seq ?? 0;
  const states = new Map<number, string>();
  return async () => {
    const runs = await runsOf(db, pipeline);
    const ofSession = new Map(runs.flatMap((run) => (run.session ? [[run.session, run] as const] : [])));
    for (const run of runs) {
      const state =
        run.outcome ?? (run.host ? `works on ${[run.host, run.model].filter(Boolean).join(' ')}` : run.state);
      if (states.get(run.id) === state) continue;
      states.set(run.id, state);
      if (run.state === 'queued') continue;
      const cost = `${run.turns} turns, ${run.tokens} tokens, ${run.micros === null ? 'cost unknown' : dollars(run.micros)}`;
      const said = run.outcome ? `; ${cost}. ${shown(run.said, 160)}` : '';
      tell(`  run ${run.id} ${run.agent} (${run.task === null ? '-' : taskId(run.task)}): ${state}${said}`);
    }
    for (;;) {
      const entries = await recordAfter(db, seq, PAGE);
      for (const entry of entries) {
        seq = entry.seq;
        const run = ofSession.get(entry.session);
        if (!run || entry.tool === '' || QUIET.includes(entry.tool) || entry.event === 'intent') continue;
        const refused = entry.event === 'refused' ? ` refused (${entry.rule}): ${shown(entry.why, 120)}` : '';
        tell(`    ${run.agent} ${entry.tool}${refused}`);
      }
      if (entries.length < PAGE) return;
    }
  };
}
