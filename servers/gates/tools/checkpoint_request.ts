import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { latestSubject } from '../../core/checkpoints.ts';
import { ToolError } from '../../core/errors.ts';
import { type HeldTask, heldTask } from '../../core/held.ts';
import { artifactId, checkpointId, idInput, taskId } from '../../core/ids.ts';
import type { Row } from '../../core/store/schema.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { name, text } from '../input.ts';
import { endCheckpoint, findArtifact, insertCheckpoint, latestCheckpoint, stepOfTask } from '../queries.ts';

const HOUR = 3_600_000;

export default defineTool({
  name: 'checkpoint_request',
  needs: 'checkpoint:request',
  effect: 'write',
  description:
    'Ask the human for the decision your brief names as checkpoint, over its artifact. Only the human decides, with a signature; no answer in time means no. Then wait with task_wait.',
  input: z.strictObject({
    name,
    title: text(200).describe('What is decided, in one sentence.'),
    artifact: idInput('A'),
  }),
  output: z.object({
    checkpoint: z.string(),
    name: z.string(),
    state: z.string(),
    digest: z.string(),
    expires_at: z.string(),
  }),

  async handler({ name: checkpoint, title, artifact: id }, call) {
    const { tx, factory, session, now } = call;
    const task = await heldTask(call);
    const artifact = await subject(call, task, checkpoint, id);
    const of = { pipeline: task.pipeline, task: task.id };
    const last = await latestCheckpoint(tx, of, checkpoint);
    if (last && stands(last, artifact.digest, now)) return shown(last);
    if (last?.state === 'open')
      await endCheckpoint(tx, last.id, last.digest === artifact.digest ? 'expired' : 'void');
    const row = await insertCheckpoint(tx, {
      ...of,
      name: checkpoint,
      title,
      artifact: artifact.id,
      digest: artifact.digest,
      requested_by: session.agent,
      requested_at: now,
      expires_at: now + Math.round(factory.checkpoints.hours * HOUR),
      nonce: randomBytes(16).toString('hex'),
    });
    return shown(row);
  },
});

/** Asking again about the same document gives the same question, decided or not; only a lapsed one is asked anew. */
const stands = (row: Row<'checkpoints'>, digest: string, now: number) =>
  row.digest === digest &&
  (row.state === 'approved' || row.state === 'rejected' || (row.state === 'open' && row.expires_at > now));

const shown = (row: Row<'checkpoints'>) => ({
  checkpoint: checkpointId(row.id),
  name: row.name,
  state: row.state,
  digest: row.digest,
  expires_at: new Date(row.expires_at).toISOString(),
});

/** The artifact that may be decided on here: the one the step names, in its newest version. */
async function subject({ tx }: Call, task: HeldTask, checkpoint: string, id: number) {
  const step = await stepOfTask(tx, task);
  const artifact = await findArtifact(tx, id);
  const asked = step?.checkpoint;
  const named = step === undefined || (asked?.name === checkpoint && asked.artifact === artifact?.name);
  const own = task.pipeline === null ? artifact?.task === task.id : artifact?.pipeline === task.pipeline;
  if (!artifact || !own || !named) {
    const wanted = asked ? `"${asked.name}" over the artifact "${asked.artifact}"` : 'no checkpoint';
    const allowed = step ? wanted : 'a checkpoint over an artifact of its own';
    throw new ToolError(
      'FORBIDDEN',
      `${taskId(task.id)} asks for ${allowed}; not for "${checkpoint}" over ${artifactId(id)}.`,
      asked
        ? 'Call checkpoint_request with the name and artifact of your brief.'
        : 'Go on without the human.',
      { rule: 'checkpoint.name' },
    );
  }
  const latest = await latestSubject(tx, { pipeline: task.pipeline, task: task.id }, artifact.name);
  if (latest?.id === artifact.id || latest?.digest === artifact.digest) return artifact;
  throw new ToolError(
    'CONFLICT',
    `${artifactId(id)} is not the newest "${artifact.name}".`,
    `Call checkpoint_request for ${artifactId(latest?.id ?? id)}.`,
    { rule: 'checkpoint.outdated' },
  );
}
