import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { findTask } from '../../core/held.ts';
import { idInput, taskId } from '../../core/ids.ts';
import { refuseIfStopped } from '../../core/kill.ts';
import { beatLeases, isHeld, leaseMs, sweep } from '../../core/leases.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { briefFor } from '../brief.ts';
import { claimTask, holdingOf, promoteWaiting } from '../claim_queries.ts';
import { holderOf } from '../queries.ts';

const input = z.object({
  artifact: z.string(),
  name: z.string(),
  digest: z.string(),
  size: z.number(),
  body: z.string().nullable(),
  note: z.string(),
});

export default defineTool({
  name: 'task_checkout',
  needs: 'task:work',
  effect: 'write',
  description:
    'Take a ready task of your role and get its whole brief. Call it before any work; without an id the most urgent one.',
  input: z.strictObject({ task: idInput('T').optional() }),
  output: z.object({
    task: z.string(),
    title: z.string(),
    pipeline: z.string().nullable(),
    phase: z.string().nullable(),
    round: z.number(),
    description: z.string(),
    criteria: z.array(z.string()),
    stops: z.array(z.string()),
    leaves: z.array(z.string()).describe('Artifacts to leave with artifact_put.'),
    closes: z.array(z.string()).describe('Conditions that must hold before task_complete.'),
    checkpoint: z.string().nullable(),
    inputs: z.array(input),
    memory: z.array(z.string()),
    lessons: z.array(z.string()),
    estimates: z.array(z.string()),
    soul: z.string(),
    prompt: z.string(),
    lease_ends_at: z.string(),
  }),

  async handler({ task: wanted }, call) {
    const { tx, factory, services, session, now } = call;
    await refuseIfStopped(tx, session.role);
    const endsAt = now + leaseMs(factory);
    const held = await alreadyHeld(call, wanted);
    if (held) {
      await beatLeases(tx, session.id, now, endsAt);
      return { ...(await briefFor(call, held)), lease_ends_at: new Date(endsAt).toISOString() };
    }

    if (services.sweepGuard.mayEnd(now, leaseMs(factory) / 3)) await sweep(services.store, tx, factory, now);
    await promoteWaiting(tx, now);
    await refuseSecond(call);
    const task = await claimTask(tx, {
      role: session.role,
      session: session.id,
      now,
      leaseEndsAt: endsAt,
      task: wanted,
    });
    if (!task) throw await whyNot(call, wanted);
    call.about(`task:${task.id}`);
    return { ...(await briefFor(call, task)), lease_ends_at: new Date(endsAt).toISOString() };
  },
});

/** A session holds one task at a time; asking again for the same one gives the brief again. */
async function alreadyHeld({ tx, session, now }: Call, wanted: number | undefined) {
  if (session.task === null || session.fence === null) return undefined;
  const lease = { kind: 'task' as const, subject: session.task, holder: session.id, fence: session.fence };
  if (!(await isHeld(tx, lease, now))) return undefined;
  if (wanted === undefined || wanted === session.task) return findTask(tx, session.task);
  throw holdsAnother(session.task);
}

/** A host that asks twice at the same moment would else take two tasks, and could never hand the first one in. */
async function refuseSecond({ tx, session }: Call): Promise<void> {
  const { task, fence } = await holdingOf(tx, session.id);
  const isNew = task !== session.task || fence !== session.fence;
  if (task !== null && isNew) throw holdsAnother(task);
}

const holdsAnother = (task: number) =>
  new ToolError(
    'CONFLICT',
    `You hold ${taskId(task)}.`,
    'Hand it in with task_complete, or give it back with task_return, first.',
    { rule: 'task.one-at-a-time' },
  );

async function whyNot({ db, session }: Call, wanted: number | undefined): Promise<ToolError> {
  if (wanted === undefined) {
    return new ToolError(
      'NOT_FOUND',
      `No task is ready for ${session.role}.`,
      'Call task_wait; it answers when one is.',
      { rule: 'task.none-ready' },
    );
  }
  const task = await findTask(db, wanted);
  if (!task)
    return new ToolError('NOT_FOUND', `No task ${taskId(wanted)}.`, 'Call task_list for the ids that exist.');
  if (task.role !== session.role) {
    return new ToolError(
      'FORBIDDEN',
      `${taskId(wanted)} is for ${task.role}.`,
      'Call task_checkout without an id for work of your own role.',
      {
        rule: 'task.role',
      },
    );
  }
  const holder = await holderOf(db, wanted);
  const by = task.state === 'active' && holder ? `, held by ${holder.agent}` : '';
  return new ToolError(
    'CONFLICT',
    `${taskId(wanted)} is ${task.state}${by}.`,
    'Call task_checkout without an id for the next ready task.',
    {
      rule: 'task.taken',
    },
  );
}
