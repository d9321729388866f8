import { parse } from 'yaml';
import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';

/**
 * What a product promises about a new version before it gets more traffic, in its `infra.yaml` under `health:`.
 * `error_rate` is how much higher than the current version's the share of failed requests may be; an answer over
 * `slow_ms` and over `slow_factor` times the current version's 95th percentile is slow, and more than one in
 * twenty may not be. Each canary lasts at least `seconds`, judged every `interval_ms` on at least `sample` requests.
 */
export const thresholds = z.strictObject({
  error_rate: z.number().min(0.001).max(0.5).default(0.05),
  slow_ms: z.int().min(1).max(60_000).default(500),
  slow_factor: z.number().min(1).max(100).default(2),
  sample: z.int().min(20).max(5_000).default(60),
  seconds: z.int().min(0).max(3_600).default(2),
  interval_ms: z.int().min(100).max(60_000).default(500),
});
export type Thresholds = z.output<typeof thresholds>;

/** Reads the `health` section out of an `infra.yaml`; what is missing has its default. Throws INVALID_INPUT. */
export function thresholdsIn(text: string | undefined): Thresholds {
  const parsed = z
    .object({ health: thresholds.default(thresholds.parse({})) })
    .safeParse(text === undefined ? {} : (data(text) ?? {}));
  if (parsed.success) return parsed.data.health;
  const [issue] = parsed.error.issues;
  throw invalid(
    `infra.yaml is wrong at ${issue?.path.join('.') ?? 'the top'}: ${issue?.message ?? 'invalid'}.`,
  );
}

function data(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 50 });
  } catch (error) {
    throw invalid('infra.yaml is not valid YAML.', error);
  }
}

const invalid = (what: string, cause?: unknown) =>
  new ToolError('INVALID_INPUT', what, 'Correct infra.yaml in the repository and submit again.', {
    rule: 'release.config',
    cause,
  });
