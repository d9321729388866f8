import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../../core/target/target.ts';
import { originAt } from '../verify/check.ts';
import { probesOf } from '../verify/product.ts';
import { compare, type Judgement, type Numbers } from './judge.ts';
import { emptySample, type Sample, sampled } from './sample.ts';
import type { Thresholds } from './thresholds.ts';

/** Probes of each version per round. */
const ROUND = 20;
/** So many samples are taken before "not shown to be healthy" is the answer. */
const PATIENCE = 6;

/** What a step showed; `evidence` is plain data for the record and for whoever mends it. */
export interface Finding {
  healthy: boolean;
  why: string;
  evidence: Record<string, unknown>;
}

/**
 * Watches two versions side by side until it is clear whether the new one may go on. The server asks both the same
 * things, each at its own address, and reads what the target counted of real traffic. Either can condemn the new
 * version, at the round in which it does; only the server's own probes can clear it, since there may be no traffic.
 */
export async function watchCanary(
  target: Pick<Target, 'name' | 'previewUrl' | 'numbers'>,
  { product, version, current }: { product: string; version: string; current: string },
  limits: Thresholds,
  signal: AbortSignal,
): Promise<Finding> {
  const origins = {
    fresh: originAt(target, await target.previewUrl(product, version)),
    current: originAt(target, await target.previewUrl(product, current)),
  };
  const probes = await probesOf(origins.current, signal);
  const until = performance.now() + limits.seconds * 1000;
  let [fresh, known] = [emptySample(), emptySample()];
  for (;;) {
    signal.throwIfAborted();
    const own = compare(fresh, known, limits);
    if (own.verdict === 'open') {
      fresh = await sampled(fresh, origins.fresh, probes, ROUND, signal);
      known = await sampled(known, origins.current, probes, ROUND, signal);
    }
    const traffic = await trafficOf(target, product, version, current);
    const judged = {
      probes: compare(fresh, known, limits),
      traffic: traffic && compare(traffic.fresh, traffic.current, limits),
    };
    const finding = conclusion(judged, { fresh, current: known, traffic });
    if (!finding.healthy) return finding;
    if (judged.probes.verdict === 'good' && performance.now() >= until) return finding;
    if (judged.probes.verdict === 'open' && fresh.requests >= limits.sample * PATIENCE)
      return { ...finding, healthy: false };
    if (judged.probes.verdict === 'good') await sleep(limits.interval_ms, undefined, { signal });
  }
}

interface Traffic {
  fresh: Numbers;
  current: Numbers;
}

async function trafficOf(
  target: Pick<Target, 'numbers'>,
  product: string,
  version: string,
  current: string,
): Promise<Traffic | undefined> {
  const numbers = await target.numbers(product);
  const of = (wanted: string) => numbers?.find((one) => one.version === wanted);
  const [fresh, known] = [of(version), of(current)];
  return fresh && known ? { fresh, current: known } : undefined;
}

function conclusion(
  { probes, traffic }: { probes: Judgement; traffic: Judgement | undefined },
  samples: { fresh: Sample; current: Sample; traffic: Traffic | undefined },
): Finding {
  const bad = [
    ...(traffic?.verdict === 'bad' ? [`real traffic: ${traffic.why}`] : []),
    ...(probes.verdict === 'bad' ? [`probes: ${probes.why}`] : []),
  ];
  const evidence = {
    probes: { new: brief(samples.fresh), current: brief(samples.current) },
    traffic: samples.traffic
      ? { new: brief(samples.traffic.fresh), current: brief(samples.traffic.current) }
      : null,
    failures: samples.fresh.examples,
  };
  return { healthy: bad.length === 0, why: bad.join('; ') || `probes: ${probes.why}`, evidence };
}

const brief = ({ requests, errors, latencyMs }: Numbers) => ({
  requests,
  errors,
  meanMs: latencyMs.length === 0 ? null : Math.round(latencyMs.reduce((a, b) => a + b, 0) / latencyMs.length),
});
