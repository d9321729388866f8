import { type Origin, send } from '../verify/check.ts';
import { each, type Probe } from '../verify/product.ts';
import type { Numbers } from './judge.ts';

/** Failures that are kept as examples. */
const EXAMPLES = 5;

/** What a version answered to the server's own probes. */
export interface Sample extends Numbers {
  /** Some of the failures, as `GET /path: 500, the server failed`. */
  examples: string[];
}

export const emptySample = (): Sample => ({ requests: 0, errors: 0, latencyMs: [], examples: [] });

/** Sends `count` probes to a version, in turns beginning with the one after those sent so far, and adds them up. */
export async function sampled(
  before: Sample,
  origin: Origin,
  probes: readonly Probe[],
  count: number,
  signal: AbortSignal,
): Promise<Sample> {
  const turns = Array.from({ length: count }, (_, at) => probes[(before.requests + at) % probes.length]);
  const results = await each(turns, async (probe) => {
    if (!probe) throw new Error('there is nothing to probe');
    const begun = performance.now();
    const answer = await send(origin, probe.request, signal);
    const fault = probe.faultOf(answer);
    const { method, path } = probe.request;
    return {
      ms: performance.now() - begun,
      fault: fault && `${method} ${path.slice(0, 80)}: ${answer.status}, ${fault}`,
    };
  });
  const faults = results.flatMap(({ fault }) => (fault === undefined ? [] : [fault]));
  return {
    requests: before.requests + results.length,
    errors: before.errors + faults.length,
    latencyMs: [...before.latencyMs, ...results.map(({ ms }) => ms)],
    examples: [...new Set([...before.examples, ...faults])].slice(0, EXAMPLES),
  };
}
