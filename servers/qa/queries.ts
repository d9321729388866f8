import { isHeld } from '../core/leases.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import type { Tx } from '../core/store/store.ts';

/** Who a document is left for, and by whom: the holding of a task. */
export type Holding = Pick<Row<'artifacts'>, 'pipeline' | 'session' | 'agent' | 'root'> & {
  task: number;
  fence: number;
};

/** Attaches a document to a task; JSON unless `media` says otherwise. */
export const insertReport = (
  tx: Tx,
  document: { name: string; body: string; media?: string },
  holding: Holding,
  now: number,
) =>
  tx
    .insertInto('artifacts')
    .values({
      media: 'application/json',
      ...document,
      ...holding,
      digest: sha256Hex(document.body),
      size: Buffer.byteLength(document.body),
      created_at: now,
    })
    .returning('id')
    .executeTakeFirstOrThrow();

/** The same, by a job that took its time: nothing is left when the task is no longer held as it was. */
export async function leaveReport(
  tx: Tx,
  document: { name: string; body: string },
  holding: Holding,
  now: number,
): Promise<void> {
  const { task: subject, session: holder, fence } = holding;
  const held = await isHeld(tx, { kind: 'task', subject, holder, fence }, now);
  if (held) await insertReport(tx, document, holding, now);
}

export const insertVerdict = (tx: Tx, verdict: Omit<Row<'verdicts'>, 'id'>) =>
  tx.insertInto('verdicts').values(verdict).execute();
