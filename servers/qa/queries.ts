import { sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import type { Tx } from '../core/store/store.ts';

/** Who a document is left for, and by whom: the holding of a task. */
export type Holding = Pick<Row<'artifacts'>, 'pipeline' | 'session' | 'agent' | 'root'> & {
  task: number;
  fence: number;
};

/** Attaches a JSON document to a task. */
export const insertReport = (
  tx: Tx,
  document: { name: string; body: string },
  holding: Holding,
  now: number,
) =>
  tx
    .insertInto('artifacts')
    .values({
      ...document,
      ...holding,
      media: 'application/json',
      digest: sha256Hex(document.body),
      size: Buffer.byteLength(document.body),
      created_at: now,
    })
    .execute();

export const insertVerdict = (tx: Tx, verdict: Omit<Row<'verdicts'>, 'id'>) =>
  tx.insertInto('verdicts').values(verdict).execute();
