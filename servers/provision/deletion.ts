import { randomBytes } from 'node:crypto';
import { ToolError } from '../core/errors.ts';
import type { HeldTask } from '../core/held.ts';
import { checkpointId, planId } from '../core/ids.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';
import type { Call } from '../core/tool.ts';
import { changeLine, dataDeleted, type PlanBody, readPlan } from './plan.ts';
import { deletionCheckpoint, insertArtifact, insertCheckpoint } from './queries.ts';

/** The checkpoint, and the document it is decided over. */
const NAME = 'deletion';
const HOUR = 3_600_000;

/** What a human decides: the whole plan, with what it deletes first. The same plan gives the same text. */
function deletionText(id: number, plan: PlanBody, digest: string): string {
  return [
    `# Deletion of data of ${plan.product} at ${plan.target}`,
    '',
    `Plan ${planId(id)}, sha256:${digest}, deletes with all that they hold:`,
    ...dataDeleted(plan).map(({ kind, name, id }) => `- ${kind} ${name} (${id})`),
    '',
    'All of the plan:',
    ...plan.changes.map((change) => `- ${changeLine(change)}`),
    '',
  ].join('\n');
}

/** Asks a human about a plan that deletes what holds data, in the transaction that proposes it. Returns C-… */
export async function askForDeletion(
  tx: Tx,
  call: Pick<Call, 'session' | 'factory' | 'now'>,
  task: HeldTask,
  { id, plan, digest }: { id: number; plan: PlanBody; digest: string },
): Promise<string | undefined> {
  if (dataDeleted(plan).length === 0) return undefined;
  const { session, factory, now } = call;
  const body = deletionText(id, plan, digest);
  const of = { task: task.id, pipeline: task.pipeline };
  const artifact = await insertArtifact(tx, {
    ...of,
    name: NAME,
    media: 'text/markdown',
    digest: sha256Hex(body),
    size: Buffer.byteLength(body),
    body,
    session: session.id,
    agent: session.agent,
    root: session.root,
    fence: session.fence,
    created_at: now,
  });
  const checkpoint = await insertCheckpoint(tx, {
    ...of,
    name: NAME,
    title: `Delete data of ${plan.product} at ${plan.target}, as ${planId(id)} says`,
    artifact: artifact.id,
    digest: sha256Hex(body),
    requested_by: session.agent,
    requested_at: now,
    expires_at: now + Math.round(factory.checkpoints.hours * HOUR),
    nonce: randomBytes(16).toString('hex'),
    state: 'open',
    human: null,
    assurance: null,
    signature: null,
    decided_at: null,
  });
  return checkpointId(checkpoint.id);
}

/** Throws GATE_CLOSED with rule `infra.deletion` unless a human signed exactly this plan's deletions. */
export async function refuseUndecided(db: Db, row: Row<'plans'>): Promise<void> {
  const plan = readPlan(row.body);
  if (dataDeleted(plan).length === 0) return;
  const digest = sha256Hex(deletionText(row.id, plan, row.digest));
  const checkpoint = await deletionCheckpoint(db, row.pipeline, NAME, digest);
  if (checkpoint?.state === 'approved') return;
  const what = dataDeleted(plan).map(({ kind, name }) => `${kind} ${name}`);
  throw new ToolError(
    'GATE_CLOSED',
    `${planId(row.id)} deletes ${what.join(', ')} with the data in it, and ${checkpoint ? `${checkpointId(checkpoint.id)} is ${checkpoint.state}` : 'no human was asked'}.`,
    'Wait with task_wait for the human; after a no, propose a plan without the deletion.',
    { rule: 'infra.deletion' },
  );
}
