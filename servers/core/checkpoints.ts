import { ToolError } from './errors.ts';
import { checkpointId } from './ids.ts';
import { append } from './record.ts';
import { recordRefusal } from './refusals.ts';
import type { Services } from './services.ts';
import { sha256Hex } from './signing/canonical.ts';
import { CHECKPOINT_NAMESPACE, checkpointText } from './signing/checkpoint_text.ts';
import { SigningError } from './signing/errors.ts';
import { parsePublicKey, type SshSigner, verifySsh } from './signing/sshsig.ts';
import type { Row } from './store/schema.ts';
import type { Db, Tx } from './store/store.ts';

export type Decision = 'approve' | 'reject';

/** What a human hands in: the decision, who they say they are, and the SSHSIG that proves it. */
export interface SignedDecision {
  checkpoint: number;
  decision: Decision;
  human: string;
  /** SSH armor, made over exactly what {@link textToSign} returns. */
  signature: string;
}

export interface Decided {
  name: string;
  state: 'approved' | 'rejected';
  assurance: string;
  digest: string;
}

type Checkpoint = Row<'checkpoints'>;
type Artifact = Pick<Row<'artifacts'>, 'id' | 'digest' | 'body'>;

/** How many other texts are tried to say which rule a signature breaks. */
const MOST_OTHERS = 20;

/** Throws NOT_FOUND when there is no such checkpoint. Returns the exact text that decides it when signed. */
export async function textToSign(
  db: Db,
  factoryName: string,
  checkpoint: number,
  decision: Decision,
): Promise<string> {
  const row = await checkpointRow(db, checkpoint);
  return textOf(factoryName, row, await artifactRow(db, row.artifact), decision);
}

/** The newest artifact of a checkpoint's subject: same name, same pipeline (or task, for a single one). */
export async function latestSubject(db: Db, row: Pick<Checkpoint, 'pipeline' | 'task'>, name: string) {
  const query = db
    .selectFrom('artifacts')
    .selectAll()
    .where('name', '=', name)
    .orderBy('id', 'desc')
    .limit(1);
  return row.pipeline === null
    ? query.where('task', '=', row.task).executeTakeFirst()
    : query.where('pipeline', '=', row.pipeline).executeTakeFirst();
}

/**
 * Takes a human's decision: the signature must be that human's, over exactly the text shown now, for a checkpoint
 * that is open, in time, and whose document nobody replaced; it counts once. No tool leads here: only what a human
 * runs does.
 *
 * Approvals, rejections and refusals enter the record. Throws FORBIDDEN `checkpoint.forged`, CONFLICT
 * `checkpoint.replayed`, `checkpoint.edited` or `checkpoint.expired`, NOT_FOUND.
 */
export async function decide(services: Services, given: SignedDecision): Promise<Decided> {
  const { factory } = await services.factory();
  const now = services.clock.now();
  const judged = await services.store.transaction((tx) => judge(services, tx, factory.factory, given, now));
  if (!(judged instanceof ToolError)) return judged;
  const who = `human:${given.human.slice(0, 80)}`;
  const session = { id: who, agent: who, role: 'human' };
  await recordRefusal(services, session, 'approve', judged.rule ?? 'checkpoint', judged);
  throw judged;
}

/** Judges and, in the same transaction, closes the checkpoint; a refusal is returned, so that `expired` is kept. */
async function judge(
  services: Services,
  tx: Tx,
  factory: string,
  given: SignedDecision,
  now: number,
): Promise<Decided | ToolError> {
  const row = await checkpointRow(tx, given.checkpoint);
  const artifact = await artifactRow(tx, row.artifact);
  const human = await tx
    .selectFrom('humans')
    .selectAll()
    .where('name', '=', given.human)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (!human) return forged(row, 'nobody of that name may decide here');
  if (sha256Hex(artifact.body) !== row.digest) return edited(row, 'its document was changed');

  const signer = signerOf(human, given.signature, textOf(factory, row, artifact, given.decision));
  if (!signer) return whyNot(tx, factory, given, human, row, artifact);
  const unfit = await staleness(tx, row, now);
  if (unfit) return unfit;

  const state = given.decision === 'approve' ? 'approved' : 'rejected';
  const assurance = signer.assurance ?? human.assurance;
  const closed = await tx
    .updateTable('checkpoints')
    .set({ state, human: human.name, assurance, signature: given.signature, decided_at: now })
    .where('id', '=', row.id)
    .where('state', '=', 'open')
    .returning('id')
    .executeTakeFirst();
  if (!closed) return replayed(row, 'it is decided already');
  await append(services.store, tx, {
    at: now,
    session: `human:${human.name}`,
    agent: `human:${human.name}`,
    role: 'human',
    event: `checkpoint.${state}`,
    subject: `checkpoint:${row.id}`,
    body: { name: row.name, digest: row.digest, assurance, signature: sha256Hex(given.signature) },
  });
  return { name: row.name, state, assurance, digest: row.digest };
}

/** Why a rightly signed decision still doesn't count. Writes `expired` and `void` where they are found. */
async function staleness(tx: Tx, row: Checkpoint, now: number): Promise<ToolError | undefined> {
  if (row.state === 'void') return edited(row, 'its document was replaced');
  if (row.state === 'expired') return expired(row);
  if (row.state !== 'open') return replayed(row, `it is ${row.state} already`);
  const setState = (state: 'expired' | 'void') =>
    tx.updateTable('checkpoints').set({ state }).where('id', '=', row.id).execute();
  if (row.expires_at <= now) {
    await setState('expired');
    return expired(row);
  }
  // A document of no task, as a server writes it for what a person ships, has no newer version.
  if (row.pipeline === null && row.task === null) return undefined;
  const { name } = await tx
    .selectFrom('artifacts')
    .select('name')
    .where('id', '=', row.artifact)
    .executeTakeFirstOrThrow();
  if ((await latestSubject(tx, row, name))?.digest === row.digest) return undefined;
  await setState('void');
  return edited(row, 'its document was replaced');
}

/** Finds what else a signature that doesn't fit was made for; only what is found nowhere is called forged. */
async function whyNot(
  tx: Tx,
  factory: string,
  given: SignedDecision,
  human: Row<'humans'>,
  row: Checkpoint,
  artifact: Artifact,
): Promise<ToolError> {
  const signs = (text: string) => signerOf(human, given.signature, text) !== undefined;
  const other = given.decision === 'approve' ? 'reject' : 'approve';
  if (signs(textOf(factory, row, artifact, other))) return edited(row, `the signature is for ${other}`);
  for (const version of await otherVersions(tx, row)) {
    if (signs(textOf(factory, row, version, given.decision)))
      return edited(row, 'the signature is for another version of its document');
  }
  for (const another of await otherCheckpoints(tx, row.id)) {
    const document = await artifactRow(tx, another.artifact);
    for (const decision of ['approve', 'reject'] as const) {
      if (signs(textOf(factory, another, document, decision)))
        return replayed(row, `the signature is for ${checkpointId(another.id)}`);
    }
  }
  return forged(row, `the signature is not one by ${human.name} over its text`);
}

function signerOf(human: Row<'humans'>, signature: string, text: string): SshSigner | undefined {
  try {
    const keys = [parsePublicKey(human.public_key)];
    return verifySsh(text, signature, { namespace: CHECKPOINT_NAMESPACE, keys });
  } catch (error) {
    if (error instanceof SigningError) return undefined;
    throw error;
  }
}

function textOf(factory: string, row: Checkpoint, artifact: Artifact, decision: Decision): string {
  return checkpointText({
    decision,
    factory,
    checkpoint: checkpointId(row.id),
    name: row.name,
    subject: `sha256:${artifact.digest}`,
    title: row.title,
    requestedBy: row.requested_by,
    requestedAt: new Date(row.requested_at).toISOString(),
    expiresAt: new Date(row.expires_at).toISOString(),
    nonce: row.nonce,
    document: artifact.body,
  });
}

async function checkpointRow(db: Db, id: number): Promise<Checkpoint> {
  const row = await db.selectFrom('checkpoints').selectAll().where('id', '=', id).executeTakeFirst();
  if (row) return row;
  throw new ToolError(
    'NOT_FOUND',
    `There is no checkpoint ${checkpointId(id)}.`,
    'Look at `millwright checkpoints` for those that are open.',
    { rule: 'checkpoint.unknown' },
  );
}

const artifactRow = (db: Db, id: number): Promise<Artifact> =>
  db.selectFrom('artifacts').select(['id', 'digest', 'body']).where('id', '=', id).executeTakeFirstOrThrow();

const otherVersions = (db: Db, row: Checkpoint): Promise<Artifact[]> =>
  db
    .selectFrom('artifacts')
    .select(['id', 'digest', 'body'])
    .where('name', '=', (eb) => eb.selectFrom('artifacts').select('name').where('id', '=', row.artifact))
    .where(row.pipeline === null ? 'task' : 'pipeline', '=', row.pipeline ?? row.task)
    .where('id', '<>', row.artifact)
    .orderBy('id', 'desc')
    .limit(MOST_OTHERS)
    .execute();

const otherCheckpoints = (db: Db, id: number): Promise<Checkpoint[]> =>
  db
    .selectFrom('checkpoints')
    .selectAll()
    .where('id', '<>', id)
    .orderBy('id', 'desc')
    .limit(MOST_OTHERS)
    .execute();

const refusal =
  (code: 'FORBIDDEN' | 'CONFLICT', rule: string, remedy: string) =>
  (row: Checkpoint, why: string): ToolError =>
    new ToolError(code, `${checkpointId(row.id)} (${row.name}) is not decided: ${why}.`, remedy, { rule });

const LOOK_AGAIN = 'Look at what is open with `millwright checkpoints`, then sign what is shown now.';
const forged = refusal('FORBIDDEN', 'checkpoint.forged', LOOK_AGAIN);
const replayed = refusal('CONFLICT', 'checkpoint.replayed', LOOK_AGAIN);
const edited = refusal('CONFLICT', 'checkpoint.edited', LOOK_AGAIN);
const expired = (row: Checkpoint) =>
  refusal(
    'CONFLICT',
    'checkpoint.expired',
    'An agent asks again with checkpoint_request if it is still wanted.',
  )(row, 'nobody decided in time, which means no');
