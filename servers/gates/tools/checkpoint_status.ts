import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { findTask } from '../../core/held.ts';
import { artifactId, checkpointId, idInput } from '../../core/ids.ts';
import type { Row } from '../../core/store/schema.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { checkpointsOf, findCheckpoint } from '../queries.ts';

export default defineTool({
  name: 'checkpoint_status',
  needs: 'checkpoint:request',
  effect: 'read',
  description: "Show whether the human has decided: one checkpoint, or all of your task's pipeline.",
  input: z.strictObject({ checkpoint: idInput('C').optional() }),
  output: z.object({
    checkpoints: z.array(
      z.object({
        checkpoint: z.string(),
        name: z.string(),
        state: z.string(),
        artifact: z.string(),
        digest: z.string(),
        requested_by: z.string(),
        expires_at: z.string(),
        decided_by: z.string().nullable(),
        assurance: z.string().nullable(),
      }),
    ),
  }),

  async handler({ checkpoint }, call) {
    const rows = checkpoint === undefined ? await ofHeldTask(call) : [await one(call, checkpoint)];
    return { checkpoints: rows.map((row) => shown(row, call.now)) };
  },
});

async function one({ db }: Call, id: number): Promise<Row<'checkpoints'>> {
  const row = await findCheckpoint(db, id);
  if (row) return row;
  throw new ToolError(
    'NOT_FOUND',
    `No checkpoint ${checkpointId(id)}.`,
    "Call checkpoint_status without an id for those of your task's pipeline.",
  );
}

async function ofHeldTask({ db, session }: Call): Promise<Row<'checkpoints'>[]> {
  const task = session.task === null ? undefined : await findTask(db, session.task);
  if (task) return checkpointsOf(db, { pipeline: task.pipeline, task: task.id });
  throw new ToolError('CONFLICT', 'You hold no task.', 'Name the checkpoint.', { rule: 'task.not-held' });
}

const shown = (row: Row<'checkpoints'>, now: number) => ({
  checkpoint: checkpointId(row.id),
  name: row.name,
  state: row.state === 'open' && row.expires_at <= now ? 'expired' : row.state,
  artifact: artifactId(row.artifact),
  digest: row.digest,
  requested_by: row.requested_by,
  expires_at: new Date(row.expires_at).toISOString(),
  decided_by: row.human,
  assurance: row.assurance,
});
