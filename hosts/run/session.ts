import { randomUUID } from 'node:crypto';
import { findTask } from '../../servers/core/held.ts';
import { endSession, hashToken, newToken, openSession } from '../../servers/core/identity.ts';
import { giveTaskBack, isHeld, releaseLease } from '../../servers/core/leases.ts';
import { append } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import type { Row, RunOutcome } from '../../servers/core/store/schema.ts';
import { forgetTask, setState } from '../../servers/tasks/queries.ts';
import { waitsForHuman } from '../../servers/tasks/runs_queries.ts';

export type Run = Row<'spawns'>;

/** What the session of a run is opened under, in place of a host's own id. */
export const hostSessionOf = ({ id }: Pick<Run, 'id'>): string => `run:${id}`;

/** Opens the one session of a run: the right to it ends after `ms`, or when the run ends. */
export async function openRunSession(services: Services, run: Pick<Run, 'id' | 'agent'>, ms: number) {
  const [enrolment, token, now] = [randomUUID(), newToken(), services.clock.now()];
  await services.store.transaction((tx) =>
    tx
      .insertInto('enrolments')
      .values({
        id: enrolment,
        agent: run.agent,
        token_hash: hashToken(token),
        created_at: now,
        expires_at: now + ms,
        revoked_at: null,
      })
      .execute(),
  );
  const session = await openSession(services, token, hostSessionOf(run));
  return { ...session, enrolment };
}

/**
 * Ends a run's session. A task it still holds is given back, with what the run said last in the record; a task that
 * waits for a human's decision, or whose run a person stopped, does not count that as a failure. Says what became of the task the run began with.
 */
export async function settle(
  services: Services,
  run: Run,
  session: string,
  task: number | undefined,
  { said, isFault }: { said: string; isFault: boolean },
): Promise<Extract<RunOutcome, 'completed' | 'blocked' | 'returned'>> {
  const { factory } = await services.factory();
  return services.store.transaction(async (tx) => {
    const now = services.clock.now();
    const row = await tx
      .selectFrom('sessions')
      .selectAll()
      .where('id', '=', session)
      .executeTakeFirstOrThrow();
    const held = row.task;
    if (held !== null && row.fence !== null) {
      const lease = { kind: 'task' as const, subject: held, holder: session, fence: row.fence };
      if (await isHeld(tx, lease, now)) {
        await releaseLease(tx, 'task', held);
        if (!isFault || (await waitsForHuman(tx, held, now))) await setState(tx, held, 'ready');
        else await giveTaskBack(tx, held, factory, now);
        await append(services.store, tx, {
          at: now,
          session,
          agent: run.agent,
          role: run.role,
          event: 'task.returned',
          subject: `task:${held}`,
          why: `run ${run.id} ended without task_complete: ${said}`,
          body: { run: run.id, said },
        });
      }
      await forgetTask(tx, session);
    }
    await endSession(tx, session, now);
    const state = task === undefined ? undefined : (await findTask(tx, task))?.state;
    if (state === 'blocked') return 'blocked';
    return state === 'done' || state === 'cancelled' ? 'completed' : 'returned';
  });
}
