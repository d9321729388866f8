import { ApiRefusal, ApiUnanswered } from './rest.ts';

const ATTEMPTS = 3;

/**
 * Makes what is not there, once: it looks before it makes, and when nobody knows whether the making arrived, or
 * the provider says that the name is taken, it looks again. `made` is false for what was there before the first look.
 */
export async function findOrMake<T>(
  find: () => Promise<T | undefined>,
  make: () => Promise<T>,
): Promise<{ value: T; made: boolean }> {
  for (let attempt = 1; ; attempt += 1) {
    const found = await find();
    if (found !== undefined) return { value: found, made: attempt > 1 };
    try {
      return { value: await make(), made: true };
    } catch (error) {
      if (error instanceof ApiRefusal) {
        const taken = await find();
        if (taken !== undefined) return { value: taken, made: false };
        throw error;
      }
      if (!(error instanceof ApiUnanswered) || attempt === ATTEMPTS) throw error;
    }
  }
}
