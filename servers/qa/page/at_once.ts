/**
 * Runs tasks in their order, at most so many at the same time; answers in the same order. When one fails, those that
 * run come to their end, no other is begun, and the first error is thrown.
 */
export async function atOnce<T>(most: number, tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  const errors: unknown[] = [];
  let next = 0;
  const work = async () => {
    while (next < tasks.length && errors.length === 0) {
      const at = next++;
      try {
        results[at] = await (tasks[at] as () => Promise<T>)();
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, tasks.length) }, work));
  if (errors.length > 0) throw errors[0];
  return results;
}
