import * as z from 'zod';
import { canonicalJson, sha256Hex } from '../core/signing/canonical.ts';

const resourceKind = z.enum(['d1', 'kv', 'r2', 'queue', 'worker']);
const addressKind = z.enum(['dns', 'domain']);
const settings = z.record(z.string(), z.string());

const change = z.object({
  action: z.enum(['create', 'adopt', 'change', 'nothing', 'delete']),
  kind: z.enum([...resourceKind.options, ...addressKind.options]),
  name: z.string(),
  /** The id that reality had when the plan was made; null for what was not there. */
  id: z.string().nullable(),
  /** What an address says: after the plan, and before it where it existed. */
  settings: settings.optional(),
  before: settings.optional(),
});
export type Change = z.output<typeof change>;

const planBody = z.object({
  product: z.string(),
  target: z.string(),
  /** The commit whose infra.yaml was read; missing where the proposer named what is wanted. */
  commit: z.string().optional(),
  changes: z.array(change),
  /** What a Worker may ask for beside resources; missing where nothing was said about it. */
  workers: z
    .array(z.object({ name: z.string(), crons: z.array(z.string()), secrets: z.array(z.string()) }))
    .optional(),
  cost: z.string(),
  risk: z.string(),
});
/** What is approved: per resource what will be done and what was there, with cost and risk in words. */
export type PlanBody = z.output<typeof planBody>;

/** Parses a plan as its row holds it. */
export const readPlan = (body: string): PlanBody => planBody.parse(JSON.parse(body));

/** SHA-256 over the plan's canonical JSON; what a review approves. */
export const planDigest = (plan: PlanBody): string => sha256Hex(canonicalJson(plan));

const named = z.object({ kind: resourceKind, name: z.string(), id: z.string() });

const progress = z.object({
  /** What was about to be done when this was written; a run that dies may have done it. */
  making: z.object({ kind: change.shape.kind, name: z.string() }).nullable(),
  resources: z.array(named.extend({ created: z.boolean() })),
  addresses: z.array(z.object({ kind: addressKind, name: z.string(), id: z.string(), settings })).default([]),
  removed: z.array(z.object({ kind: change.shape.kind, name: z.string(), id: z.string() })).default([]),
});
/** How far a plan was applied: kept after each step, so that another run can go on. */
export type Progress = z.output<typeof progress>;

/** Parses a plan's progress; none for a plan nobody began to apply. */
export const readProgress = (result: string | null): Progress =>
  progress.parse(result === null ? { making: null, resources: [] } : JSON.parse(result));

/** Whether two name the same thing. */
export const sameThing = (a: Pick<Change, 'kind' | 'name'>, b: Pick<Change, 'kind' | 'name'>): boolean =>
  a.kind === b.kind && a.name === b.name;

/** One line for a person: what is done to what. */
export function changeLine({ action, kind, name, settings, before }: Change): string {
  const to = settings && action !== 'delete' ? ` (${settings.content ?? settings.worker})` : '';
  const from = before && action === 'change' ? ` instead of ${before.content ?? before.worker}` : '';
  return `${action} ${kind} ${name}${to}${from}`;
}

/** What a plan deletes that holds data: everything but names. */
export const dataDeleted = ({ changes }: PlanBody): Change[] =>
  changes.filter(({ action, kind }) => action === 'delete' && kind !== 'dns' && kind !== 'domain');
