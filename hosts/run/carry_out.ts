import { join } from 'node:path';
import { answerCall } from '../../servers/core/call.ts';
import { startBeats } from '../../servers/core/connection.ts';
import { taskId } from '../../servers/core/ids.ts';
import { closeFolder, type OsUser } from '../../servers/core/os_user.ts';
import { isGranted } from '../../servers/core/permissions.ts';
import { append } from '../../servers/core/record.ts';
import { endRun, noteLaunch } from '../../servers/tasks/runs_queries.ts';
import { keepLastCard } from './card.ts';
import { inRunFolder } from './folder.ts';
import { about, type Carrier, type End, LONGEST_SAID, onFirstThatWorks } from './on_host.ts';
import { openRunSession, type Run, settle } from './session.ts';

/** Carries one taken run out, from its session to the last row about it. Never throws. */
export async function carryOut(
  carrier: Carrier,
  run: Run,
  signal: AbortSignal,
  user?: OsUser,
): Promise<void> {
  const { services } = carrier;
  let end: End;
  try {
    end = await attempt(carrier, run, signal, user);
  } catch (error) {
    services.log(`run ${run.id}: ${String(error)}`);
    end = { outcome: 'failed', said: error instanceof Error ? error.message : String(error) };
  }
  const said = end.said.slice(0, LONGEST_SAID);
  await services.store
    .transaction(async (tx) => {
      const now = services.clock.now();
      if (!(await endRun(tx, run.id, { outcome: end.outcome, said, now }))) return;
      await append(services.store, tx, { at: now, ...about(run), event: `run.${end.outcome}`, why: said });
    })
    .catch((error) => services.log(`run ${run.id}: ${String(error)}`));
}

async function attempt(
  carrier: Carrier,
  run: Run,
  signal: AbortSignal,
  user: OsUser | undefined,
): Promise<End> {
  const { services } = carrier;
  const { factory } = await services.factory();
  const role = factory.roles[run.role];
  if (!role?.agents.includes(run.agent))
    return { outcome: 'refused', said: 'The factory has no such agent.' };
  const totalMs = factory.limits.run.minutes * 60_000;
  const session = await openRunSession(services, run, totalMs + 60_000);
  await services.store.transaction((tx) =>
    noteLaunch(tx, run.id, { session: session.id, enrolment: session.enrolment }),
  );
  if (user) services.runsAs.set(session.id, user);
  const beats = startBeats(services, session.id);
  let clone: string | undefined;
  let task = run.task ?? undefined;
  try {
    const call = async (name: string, input: Record<string, unknown>) => {
      const answer = await answerCall(carrier.tools, services, session.id, {
        name,
        arguments: input,
        signal,
      });
      if (!answer.ok) throw new Refused(`${answer.error.code}: ${answer.error.message}`);
      return answer.value;
    };
    const taken = await call('task_checkout', task === undefined ? {} : { task: taskId(task) });
    task = Number(String(taken.task).slice(2));
    await services.store.transaction((tx) =>
      tx
        .updateTable('spawns')
        .set({ task: task as number })
        .where('id', '=', run.id)
        .execute(),
    );
    const changes = isGranted(role.may, 'change:submit');
    clone = changes ? String((await call('workspace_open', {})).workspace) : undefined;
    const own = { ...run, task };
    const parent = carrier.users?.folder ?? services.paths.work;
    const ended = await inRunFolder({ parent, isSeparate: user !== undefined }, run.id, (folder) =>
      onFirstThatWorks(carrier, factory, own, {
        signal,
        folder,
        cwd: clone ?? join(folder, 'empty'),
        user,
        changes,
        token: session.token,
        totalMs,
        touch: beats.touch,
      }),
    );
    await keepLastCard(services, run).catch((error) => services.log(`run ${run.id}: ${String(error)}`));
    const became = await settle(services, run, session.id, task, {
      said: ended.said,
      isFault: ended.outcome !== 'stopped',
    });
    return became === 'returned' ? ended : { outcome: became, said: ended.said };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    await settle(services, run, session.id, task, { said, isFault: true });
    return { outcome: error instanceof Refused ? 'refused' : 'failed', said };
  } finally {
    await beats.stop().catch((error) => services.log(String(error)));
    services.runsAs.delete(session.id);
    if (user && clone) await closeFolder(clone).catch((error) => services.log(String(error)));
  }
}

/** A call that prepares a run was refused; nothing was launched. */
class Refused extends Error {}
