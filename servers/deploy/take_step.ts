import { ToolError } from '../core/errors.ts';
import type { Row } from '../core/store/schema.ts';
import { isSplit, type Target } from '../core/target/target.ts';
import { type Finding, watchCanary } from './health/canary.ts';
import { type Thresholds, thresholds } from './health/thresholds.ts';
import { type Step, sharesOf } from './steps.ts';
import { type Check, originAt } from './verify/check.ts';
import { checkProduct } from './verify/product.ts';

/** Failed checks that are kept as evidence. */
const SHOWN = 10;

/** A release with the version that is served besides it, if there is one. */
export interface Stepped {
  target: Target;
  release: Row<'releases'>;
  current: Row<'releases'> | undefined;
  signal: AbortSignal;
}

/**
 * Takes one step of a release at its target and says what it showed. It may be repeated after a crash. What the
 * target or the product refuses is a finding that is not healthy; other failures are thrown.
 */
export async function takeStep(step: Step, stepped: Stepped): Promise<Finding> {
  try {
    return await (step === 'staging' ? stage(stepped) : shift(step, stepped));
  } catch (error) {
    stepped.signal.throwIfAborted();
    if (!(error instanceof ToolError)) throw error;
    return { healthy: false, why: error.message, evidence: { code: error.code } };
  }
}

/**
 * The new schema under both versions, before any traffic: the additive migrations are applied, then the new version
 * must keep its whole contract at its own address, and the version that is served must still keep its own.
 */
async function stage({ target, release, current, signal }: Stepped): Promise<Finding> {
  const { product, version } = release;
  const migrated = await target.migrate(product, version);
  const url = await target.previewUrl(product, version);
  const checks = await checkProduct(originAt(target, url), signal);
  const serving = current ? await target.serving(product) : null;
  const old = serving ? await checkProduct(originAt(target, serving.url), signal) : [];
  return found({ migrated, url }, checks, old);
}

/** Moves traffic, then looks: at a canary at both versions side by side, at the end at every endpoint. */
async function shift(step: Step, { target, release, current, signal }: Stepped): Promise<Finding> {
  const { product, version } = release;
  const shares = sharesOf(step, version, current?.version);
  const { url } = await target.split(product, shares);
  if (shares.length === 1) return found({ url }, await checkProduct(originAt(target, url), signal), []);
  const pair = { product, version, current: current?.version ?? '' };
  const finding = await watchCanary(target, pair, limitsOf(release), signal);
  const serving = await target.serving(product);
  if (!serving || !isSplit(serving, shares))
    return { healthy: false, why: 'another split came into force meanwhile', evidence: { shares, serving } };
  return { ...finding, evidence: { ...finding.evidence, shares, url } };
}

/** The thresholds that a release is held to. */
const limitsOf = ({ health }: Pick<Row<'releases'>, 'health'>): Thresholds =>
  thresholds.parse(health === null ? {} : JSON.parse(health));

function found(evidence: Record<string, unknown>, checks: Check[], old: Check[]): Finding {
  const failed = checks.filter(({ ok }) => !ok);
  const lost = old.filter(({ ok }) => !ok);
  const [first] = [...failed, ...lost];
  const whose = failed.length > 0 ? '' : 'the version that is served no longer keeps its contract: ';
  return {
    healthy: first === undefined,
    why: first
      ? `${whose}${first.method} ${first.path}: ${first.why} (${failed.length + lost.length} failed)`
      : `${checks.length} endpoints answer as promised`,
    evidence: { ...evidence, checks: checks.length, failed: [...failed, ...lost].slice(0, SHOWN) },
  };
}
