import { CLASSES, type PlantedCase } from '../corpus/corpus.ts';

/** What is timed: another entry beside it would be measured too. */
const ALONE: readonly string[] = [...CLASSES.cost, 'race'];

/** Whether nothing may run beside this entry: it, or the defect of which it is the twin, is about time. */
export function isAlone({ expect, twin }: PlantedCase, all: readonly PlantedCase[]): boolean {
  const planted = all.find(({ id }) => id === twin)?.expect ?? [];
  return [...expect, ...planted].some((finding) => ALONE.includes(finding.class));
}

/** Runs them, so many at once, and begins none after the deadline (of `performance.now()`). */
export async function inTurns<T>(
  list: readonly T[],
  { width, deadline }: { width: number; deadline: number },
  run: (one: T) => Promise<void>,
): Promise<void> {
  const waiting = [...list];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (performance.now() > deadline) return;
      await run(next);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}
