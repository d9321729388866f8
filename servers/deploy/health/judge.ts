import type { VersionNumbers } from '../../core/target/target.ts';
import type { Thresholds } from './thresholds.ts';

/** The 95 % quantile of the normal distribution: a one-sided bound that is wrong once in twenty. */
const Z = 1.6448536269514722;
/** So much of a version's traffic may be slow. */
const SLOW_SHARE = 0.05;
/** One failure may be chance, whatever a bound on it says. */
const FEWEST_FAILURES = 2;
const FEWEST_LATENCIES = 20;

export type Numbers = Omit<VersionNumbers, 'version'>;

/** `good`: shown to be healthy. `bad`: shown not to be. `open`: neither can be said from so few requests. */
export interface Judgement {
  verdict: 'good' | 'bad' | 'open';
  why: string;
}

/**
 * The one-sided 95 % bounds of a proportion by Wilson's score interval (E. B. Wilson, 1927): with `n` trials and
 * `k` hits the true proportion is at least `lower` (and, for itself, at most `upper`) in 19 cases of 20.
 */
export function wilson(k: number, n: number): { lower: number; upper: number } {
  if (n === 0) return { lower: 0, upper: 1 };
  const p = k / n;
  const centre = (p + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half = (Z / (1 + (Z * Z) / n)) * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  return { lower: Math.max(0, centre - half), upper: Math.min(1, centre + half) };
}

/** The 95th percentile of a sample; 0 of none. */
export function p95(sample: readonly number[]): number {
  const sorted = sample.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
}

/**
 * Compares a new version with the one that is served. It is bad once its error rate is surely more than `error_rate`
 * above the other's, or surely too much of it is slow; it is good once, on `sample` requests or more, its error rate
 * is surely not. Everything between is open.
 */
export function compare(fresh: Numbers, current: Numbers, limits: Thresholds): Judgement {
  const rate = current.requests === 0 ? 0 : current.errors / current.requests;
  const allowed = rate + limits.error_rate;
  const { lower, upper } = wilson(fresh.errors, fresh.requests);
  const failed = `${fresh.errors} of ${fresh.requests} requests failed, against ${current.errors} of ${current.requests}`;
  if (fresh.errors >= FEWEST_FAILURES && lower > allowed)
    return { verdict: 'bad', why: `${failed}: surely more than ${percent(allowed)}` };
  const limit = Math.max(limits.slow_ms, limits.slow_factor * p95(current.latencyMs));
  const slow = fresh.latencyMs.filter((ms) => ms > limit).length;
  if (fresh.latencyMs.length >= FEWEST_LATENCIES && wilson(slow, fresh.latencyMs.length).lower > SLOW_SHARE)
    return {
      verdict: 'bad',
      why: `${slow} of ${fresh.latencyMs.length} answers took over ${Math.round(limit)} ms`,
    };
  if (fresh.requests < limits.sample)
    return { verdict: 'open', why: `only ${fresh.requests} of ${limits.sample} requests so far` };
  if (upper <= allowed)
    return { verdict: 'good', why: `${failed}: surely not more than ${percent(allowed)}` };
  return { verdict: 'open', why: `${failed}: not shown to be at most ${percent(allowed)}` };
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
