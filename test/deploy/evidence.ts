import { attest, GATE_PREDICATE } from '../../servers/core/attestation.ts';
import { gateDefinition, QA_GATES } from '../../servers/core/gates.ts';
import { canonicalJson, sha256Hex } from '../../servers/core/signing/canonical.ts';
import type { Agent } from '../harness.ts';
import type { Change, ProductFactory } from './product_factory.ts';

/** Records a gate's result as the server that ran it would: signed at refs/attest, then a row. */
export async function gateResult(
  { services }: ProductFactory,
  { commit, tree }: Change,
  gate: 'docs' | 'scan' | (typeof QA_GATES)[number],
  { closed = true, signed = true } = {},
): Promise<void> {
  const { factory } = await services.factory();
  const log = `${gate} ran`;
  const evidence = {
    gate,
    commit,
    tree,
    definition: gateDefinition(factory, gate),
    closed,
    exit: 0,
    logDigest: sha256Hex(log),
    isolation: 'full',
    engine: 'test',
    dependencies: signed ? null : 'a'.repeat(64),
  };
  if (signed)
    await attest(services, { subject: { commit, tree }, predicateType: GATE_PREDICATE, predicate: evidence });
  await services.store.db
    .insertInto('gate_results')
    .values({
      gate,
      commit_id: commit,
      tree_id: tree,
      definition: evidence.definition,
      closed: closed ? 1 : 0,
      isolation: 'full',
      engine: 'test',
      exit: 0,
      log_digest: evidence.logDigest,
      log,
      ms: 1,
      digest: sha256Hex(canonicalJson(evidence)),
      job: null,
      created_at: services.clock.now(),
    })
    .execute();
}

/** Closes every gate on a change, and has QA's verdict computed from that. */
export async function passQa(factory: ProductFactory, change: Change, qa: Agent): Promise<void> {
  for (const gate of ['docs', 'scan', ...QA_GATES] as const) await gateResult(factory, change, gate);
  const { verdict, reasons } = await qa.ok<{ verdict: string; reasons: string[] }>('qa_verdict', {
    criteria: [['gate:docs']],
  });
  if (verdict !== 'PASS') throw new Error(`the verdict is ${verdict}: ${reasons.join(', ')}`);
}

/** The review of a change by somebody else. */
export async function acceptReview({ services }: ProductFactory, { submission }: Change): Promise<void> {
  const { db } = services.store;
  const { diff_digest: digest } = await db
    .selectFrom('submissions')
    .select('diff_digest')
    .where('id', '=', submission)
    .executeTakeFirstOrThrow();
  const by = { session: 'reviewer-session', agent: 'principal-engineer', root: 'root-of-reviewer' };
  await db
    .insertInto('reviews')
    .values({
      ...by,
      subject: 'change',
      target: submission,
      digest,
      verdict: 'accept',
      body: '{}',
      task: null,
      created_at: services.clock.now(),
    })
    .execute();
}

/** A pipeline's plan for the rehearsal's product: proposed, approved by another, applied. */
export async function applyInfrastructure(
  factory: ProductFactory,
  infra: Agent,
  databases: string[] = ['testimonials'],
): Promise<void> {
  const resources = [
    { kind: 'worker', name: 'testimonials' },
    ...databases.map((name) => ({ kind: 'd1', name })),
  ];
  const cto = await factory.agent('cto');
  const { plan, digest } = await infra.ok<{ plan: string; digest: string }>('infra_propose', {
    product: 'testimonials',
    target: 'local',
    resources,
  });
  await cto.ok('infra_review', { plan, digest, verdict: 'accept', reasons: 'As the spec says.' });
  await infra.ok('infra_apply', { plan });
}

/** The answer of a tool that may have gone on as a job. */
export async function answerOf<T>(
  agent: Agent,
  tool: string,
  args: Record<string, unknown> = {},
): Promise<T> {
  const first = await agent.ok<{ done?: boolean; job?: string }>(tool, args);
  if (first.done !== false) return first as T;
  for (;;) {
    const seen = await agent.ok<{ still_waiting: boolean; result: T }>('task_wait', {
      job: first.job,
      seconds: 30,
    });
    if (!seen.still_waiting) return seen.result;
  }
}
