import * as z from 'zod';
import { canonicalJson, sha256Hex } from '../core/signing/canonical.ts';
import type { Resource, ResourceSpec } from '../core/target/target.ts';

const kind = z.enum(['d1', 'kv', 'r2', 'queue', 'worker']);
const change = z.object({
  action: z.enum(['create', 'adopt', 'nothing']),
  kind,
  name: z.string(),
  /** The id that reality had when the plan was made; null for what was not there. */
  id: z.string().nullable(),
});
export type Change = z.output<typeof change>;

const planBody = z.object({
  product: z.string(),
  target: z.string(),
  changes: z.array(change),
  cost: z.string(),
  risk: z.string(),
});
/** What is approved: per resource what will be done and what was there, with cost and risk in words. */
export type PlanBody = z.output<typeof planBody>;

/** Parses a plan as its row holds it. */
export const readPlan = (body: string): PlanBody => planBody.parse(JSON.parse(body));

/** SHA-256 over the plan's canonical JSON; what a review approves. */
export const planDigest = (plan: PlanBody): string => sha256Hex(canonicalJson(plan));

/**
 * Compares what is wanted with what exists. What exists is adopted as it is; nothing is ever deleted or changed.
 * `ours` holds the ids that earlier plans of this product applied.
 */
export function makePlan(
  wanted: { product: string; target: string; resources: readonly ResourceSpec[] },
  reality: readonly Resource[],
  ours: ReadonlySet<string>,
): PlanBody {
  const changes = wanted.resources.map(({ kind, name }): Change => {
    const found = findResource(reality, { kind, name });
    if (!found) return { action: 'create', kind, name, id: null };
    return { action: ours.has(found.id) ? 'nothing' : 'adopt', kind, name, id: found.id };
  });
  const { product, target } = wanted;
  return { product, target, changes, cost: costOf(target), risk: riskOf(changes) };
}

export const findResource = (reality: readonly Resource[], { kind, name }: ResourceSpec) =>
  reality.find((resource) => resource.kind === kind && resource.name === name);

const costOf = (target: string) =>
  target === 'local' ? 'Nothing: it runs on this machine.' : `Not known for target ${target}.`;

function riskOf(changes: readonly Change[]): string {
  const adopted = changes
    .filter(({ action }) => action === 'adopt')
    .map(({ kind, name }) => `${kind} ${name}`);
  return adopted.length === 0
    ? 'Low: only new resources, nothing is changed or deleted.'
    : `Adopts what no plan of this product made, with the data in it: ${adopted.join(', ')}.`;
}

const progress = z.object({
  /** What was about to be created when this was written; a run that dies may have created it. */
  making: z.object({ kind, name: z.string() }).nullable(),
  resources: z.array(z.object({ kind, name: z.string(), id: z.string(), created: z.boolean() })),
});
/** How far a plan was applied: kept after each step, so that another run can go on. */
export type Progress = z.output<typeof progress>;

/** Parses a plan's progress; none for a plan nobody began to apply. */
export const readProgress = (result: string | null): Progress =>
  result === null ? { making: null, resources: [] } : progress.parse(JSON.parse(result));
