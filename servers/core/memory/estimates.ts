import type { Row } from '../store/schema.ts';
import type { Db } from '../store/store.ts';

/** As old as these pipelines is the past that counts: models estimate from one that is over. */
const LAST_PIPELINES = 10;
const LAST_ESTIMATES = 30;
const MINUTE = 60_000;
/** A factor out of fewer observations than this stays nearer to 1 than to what was seen. */
const SHRINK = 3;

/** How estimates of one phase and role went. */
export interface Calibration {
  phase: string;
  role: string;
  /** Estimates whose task has ended. */
  n: number;
  /** What to multiply an estimate by: the median of actual ÷ predicted, drawn to 1 while there are few. */
  factor: number;
  /** The middle half of actual ÷ predicted; null without an estimate. */
  from: number | null;
  to: number | null;
  /** Minutes the last tasks of this phase really took, newest first. */
  took: number[];
}

/** What estimates of each phase and role were worth, and what the last tasks of them took; of one kind of pipeline if named. */
export async function calibrations(db: Db, pipeline?: string): Promise<Calibration[]> {
  const ended = await endedEstimates(db, pipeline);
  const took = await lastDurations(db, pipeline);
  const keys = [...new Set([...took, ...ended].map(({ phase, role }) => `${phase} ${role}`))];
  return keys.map((key) => {
    const [phase = '', role = ''] = key.split(' ');
    const isOwn = (row: { phase: string; role: string }) => row.phase === phase && row.role === role;
    const ratios = ended
      .filter(isOwn)
      .slice(0, LAST_ESTIMATES)
      .map(({ ratio }) => ratio);
    return {
      phase,
      role,
      n: ratios.length,
      factor: rounded(correction(ratios)),
      from: ratios.length === 0 ? null : rounded(quantile(ratios, 0.25)),
      to: ratios.length === 0 ? null : rounded(quantile(ratios, 0.75)),
      took: took
        .filter(isOwn)
        .slice(0, 5)
        .map(({ ms }) => Math.max(1, Math.round(ms / MINUTE))),
    };
  });
}

/** The median of the ratios on a scale where half and double are equally far, drawn to 1 while there are few. */
export function correction(ratios: readonly number[]): number {
  if (ratios.length === 0) return 1;
  return Math.exp((Math.log(quantile(ratios, 0.5)) * ratios.length) / (ratios.length + SHRINK));
}

/** A calibration as one line of a brief. */
export function calibrationLine({ phase, role, n, factor, from, to, took }: Calibration): string {
  const real = took.length > 0 ? `; last took ${took.map((minutes) => `${minutes}m`).join(', ')}` : '';
  const known =
    n === 0
      ? 'no estimate has ended yet'
      : `n ${n}, multiply your estimate by ${factor} (middle half ${from} to ${to})`;
  return `${phase} by ${role}: ${known}${real}`;
}

/** Linear interpolation between the two nearest of the sorted values; at least one value. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (sorted.length - 1) * q;
  const [low = 0, high = low] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

const rounded = (ratio: number) => Number(ratio.toPrecision(2));

async function endedEstimates(db: Db, pipeline: string | undefined) {
  let query = db
    .selectFrom('estimates')
    .select(['estimates.phase', 'estimates.role', 'predicted_ms', 'actual_ms'])
    .where('actual_ms', 'is not', null)
    .orderBy('estimates.finished_at', 'desc')
    .limit(500);
  if (pipeline !== undefined)
    query = query
      .innerJoin('pipelines', 'pipelines.id', 'estimates.pipeline')
      .where('pipelines.name', '=', pipeline);
  return (await query.execute()).map(({ phase, role, predicted_ms, actual_ms }) => ({
    phase,
    role,
    ratio: Math.max(actual_ms ?? 0, 1) / Math.max(predicted_ms, 1),
  }));
}

async function lastDurations(db: Db, pipeline: string | undefined) {
  let runs = db.selectFrom('pipelines').select('id').orderBy('id', 'desc').limit(LAST_PIPELINES);
  if (pipeline !== undefined) runs = runs.where('name', '=', pipeline);
  const ids = (await runs.execute()).map(({ id }) => id);
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom('tasks')
    .select(['id', 'phase', 'role', 'started_at', 'finished_at'])
    .where('pipeline', 'in', ids)
    .where('state', '=', 'done')
    .where('started_at', 'is not', null)
    .orderBy('id', 'desc')
    .limit(500)
    .execute();
  return rows.map((row) => ({ phase: row.phase ?? '', role: row.role, ms: durationOf(row) }));
}

/** Milliseconds from the first claim to the end. */
const durationOf = ({ started_at, finished_at }: Pick<Row<'tasks'>, 'started_at' | 'finished_at'>) =>
  Math.max(0, (finished_at ?? 0) - (started_at ?? 0));
