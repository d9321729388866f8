import { replaceFile } from '../../servers/core/files.ts';
import type { OsUser } from '../../servers/core/os_user.ts';
import type { Services } from '../../servers/core/services.ts';
import { cardFor, keepCard } from '../../servers/memory/state_cards.ts';
import { forModel } from '../hooks.ts';
import { cardFile } from './guard.ts';
import { hostSessionOf, type Run } from './session.ts';

const eventOf = (services: Services, run: Pick<Run, 'id' | 'agent'>, event: string) => ({
  agent: run.agent,
  hostSession: hostSessionOf(run),
  event,
  at: services.clock.now(),
});

/**
 * Puts where the run's agent stands now into the file that its host shows it after a compaction. The host reads it
 * without a credential of the factory, as the user that the agent runs as.
 */
export async function layOutCard(
  services: Services,
  run: Run,
  { folder, user }: { folder: string; user?: OsUser | undefined },
): Promise<void> {
  const { body } = await cardFor(services, eventOf(services, run, 'SessionStart'));
  await replaceFile(cardFile(folder), `${forModel('SessionStart', body)}\n`, user);
}

/** Keeps where a run stood when its host ended. */
export const keepLastCard = (services: Services, run: Run): Promise<void> =>
  keepCard(services, eventOf(services, run, 'SessionEnd'));
