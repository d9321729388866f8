import type { Exchange, HttpRequest, Step } from './types.ts';

/** Sends what one step is made of; several requests go out at the same moment. */
export function perform(
  step: Step,
  before: Exchange[],
  send: (request: HttpRequest) => Promise<Exchange>,
): Promise<Exchange[]> {
  const made = typeof step === 'function' ? step(before) : step;
  return Promise.all([made].flat().map(send));
}
