export type Plan = 'free' | 'paid';

/** What one request, and one Worker, may cost. Sizes in bytes after gzip, times in milliseconds. */
export interface Limits {
  cpuMs: number;
  subrequests: number;
  bundleBytes: number;
  startUpMs: number;
}

/**
 * The limits of Cloudflare Workers, from https://developers.cloudflare.com/workers/platform/limits/ as read in
 * November 2026. A paid plan allows five minutes of CPU when it is configured; 30 s is what it has by default.
 */
export const LIMITS: Readonly<Record<Plan, Limits>> = {
  free: { cpuMs: 10, subrequests: 50, bundleBytes: 3 * 1024 * 1024, startUpMs: 1_000 },
  paid: { cpuMs: 30_000, subrequests: 10_000, bundleBytes: 10 * 1024 * 1024, startUpMs: 1_000 },
};
