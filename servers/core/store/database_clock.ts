import { sql } from 'kysely';
import type { Clock } from '../clock.ts';
import type { Db } from './store.ts';

const MEASURE_EVERY_MS = 60_000;
/** An answer that took longer says too little about when it was given. */
const LONGEST_QUESTION_MS = 1000;

/**
 * The clock of a PostgreSQL server, by which all machines agree on when a lease ends, however wrong their own clocks
 * are. It is asked once a minute, counted on by this machine's clock meanwhile, and never runs backwards. Throws when it cannot be asked.
 */
export async function startDatabaseClock(db: Db): Promise<Clock & { stop(): void }> {
  let offset = (await measure(db)) ?? 0;
  let latest = 0;
  const timer = setInterval(() => {
    void measure(db).then(
      (measured) => {
        offset = measured ?? offset;
      },
      () => {},
    );
  }, MEASURE_EVERY_MS).unref();
  return {
    now() {
      latest = Math.max(latest, Date.now() + offset);
      return latest;
    },
    stop: () => clearInterval(timer),
  };
}

/** How far the database is ahead, in whole milliseconds; undefined when it took too long to answer. */
async function measure(db: Db): Promise<number | undefined> {
  const asked = Date.now();
  const { rows } = await sql<{ now: number }>`
    select (extract(epoch from clock_timestamp()) * 1000)::bigint as now`.execute(db);
  const answered = Date.now();
  const [row] = rows;
  if (!row || answered - asked > LONGEST_QUESTION_MS) return undefined;
  return Math.round(row.now - (asked + answered) / 2);
}
