import type { Step } from '../core/factory/pipeline.ts';
import { definitionOf } from '../core/factory/steps.ts';
import type { HeldTask } from '../core/held.ts';
import { calibrationLine, calibrations } from '../core/memory/estimates.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';
import { leftUnderFence } from './artifacts_queries.ts';
import { pipelineTasks } from './pipelines_queries.ts';

const MINUTE = 60_000;
/** Nobody means a month of one task by `m` or `h`; such a line is a slip. */
const LONGEST_MINUTES = 30 * 24 * 60;
const LINE = /^[\s*-]*estimate:\s*([a-z][a-z0-9-]{0,39})\s+(\d{1,6}(?:\.\d{1,2})?)\s*(m|h)\s*$/gim;

/** Minutes a text predicts for each phase or step, from its lines `estimate: <phase or step> <number>m|h`; the last of a name counts. */
export function estimatesIn(text: string): Map<string, number> {
  const found = [...text.matchAll(LINE)].map(
    ([, name = '', amount = '', unit = '']) =>
      [name.toLowerCase(), Number(amount) * (unit.toLowerCase() === 'h' ? 60 : 1)] as const,
  );
  return new Map(found.filter(([, minutes]) => minutes > 0 && minutes <= LONGEST_MINUTES));
}

/**
 * Keeps what the documents of a finished step predict for tasks of its pipeline that nobody has begun. The estimate
 * of a phase is divided among its steps that have none of their own; a newer one takes an older one's place.
 */
export async function keepEstimates(tx: Tx, task: HeldTask, run: Pick<Row<'pipelines'>, 'id'>, now: number) {
  const texts = [...(await leftUnderFence(tx, task)).values()].map(({ body }) => body);
  const minutes = new Map(texts.flatMap((text) => [...estimatesIn(text)]));
  if (minutes.size === 0) return;
  const open = (await pipelineTasks(tx, run.id)).filter(
    (row) => row.started_at === null && ['waiting', 'ready'].includes(row.state),
  );
  for (const row of open) {
    const own = minutes.get(row.step ?? '');
    const shared = open.filter(({ phase, step }) => phase === row.phase && !minutes.has(step ?? '')).length;
    const predicted = own ?? (minutes.get(row.phase ?? '') ?? 0) / shared;
    if (predicted > 0) await upsert(tx, row, Math.round(predicted * MINUTE), now);
  }
}

const upsert = (tx: Tx, task: Row<'tasks'>, predicted_ms: number, now: number) =>
  tx
    .insertInto('estimates')
    .values({
      task: task.id,
      pipeline: task.pipeline,
      phase: task.phase ?? '',
      role: task.role,
      predicted_ms,
      actual_ms: null,
      predicted_at: now,
      finished_at: null,
    })
    .onConflict((at) => at.column('task').doUpdateSet({ predicted_ms, predicted_at: now }))
    .execute();

/** What a done task really took, beside what was predicted for it; nothing when nothing was. */
export const endEstimate = (tx: Tx, task: Row<'tasks'>, now: number) =>
  tx
    .updateTable('estimates')
    .set({ actual_ms: now - (task.started_at ?? now), finished_at: now })
    .where('task', '=', task.id)
    .where('actual_ms', 'is', null)
    .execute();

/** A step that leaves documents while other phases are still to come: whoever takes it may predict those. */
export function isPlanning(run: Pick<Row<'pipelines'>, 'definition'>, step: Step): boolean {
  const last = definitionOf(run).phases.at(-1);
  return step.writes.length > 0 && step.closes.length === 0 && !last?.steps.some(({ id }) => id === step.id);
}

/** How estimates of each phase and role of such pipelines went, a line each. */
export const estimateLines = async (db: Db, pipeline: string, most: number): Promise<string[]> =>
  (await calibrations(db, pipeline)).slice(0, most).map(calibrationLine);
