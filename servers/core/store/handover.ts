import type { Tx } from './store.ts';

/** Ends every session: whoever comes next opens one of its own. Returns how many were open. */
export async function endSessions(tx: Tx, now: number): Promise<number> {
  const ended = await tx
    .updateTable('sessions')
    .set({ ended_at: now })
    .where('ended_at', 'is', null)
    .returning('id')
    .execute();
  return ended.length;
}

/** Revokes every enrolment: the files that prove them are in no backup. */
export async function revokeEnrolments(tx: Tx, now: number): Promise<void> {
  await tx.updateTable('enrolments').set({ revoked_at: now }).where('revoked_at', 'is', null).execute();
}

/**
 * Lets go of everything that is held, without counting it as a lapse: tasks in work are ready again, jobs queued.
 * Fences stay, so that whoever takes a thing next gets a higher one. Returns how many leases were held.
 */
export async function freeLeases(tx: Tx): Promise<number> {
  const freed = await tx
    .updateTable('leases')
    .set({ holder: null, ends_at: 0 })
    .where('holder', 'is not', null)
    .returning('subject')
    .execute();
  await tx.updateTable('tasks').set({ state: 'ready' }).where('state', '=', 'active').execute();
  await tx.updateTable('jobs').set({ state: 'queued' }).where('state', '=', 'running').execute();
  return freed.length;
}
