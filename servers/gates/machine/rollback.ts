import { revertCommit } from '../../core/git/candidate.ts';
import { GitRefusal } from '../../core/git/git.ts';
import { SERVER } from '../../core/git/objects.ts';
import { testsOn } from '../../core/test_run.ts';
import { type Gate, readOnly } from './gate.ts';

/** `rollback`: the change can be taken back, and what is left then passes the smoke command. */
export const rollback: Gate = async (run) => {
  const { authority, commit, services } = run;
  const landing = { message: `Revert ${commit}`, author: SERVER, at: new Date(services.clock.now()) };
  const reverted = await revertCommit(authority, commit, commit, landing).catch((error: unknown) => {
    if (error instanceof GitRefusal) return error;
    throw error;
  });
  if (reverted instanceof GitRefusal) return readOnly({ passed: false, why: reverted.message });
  if (reverted.kind === 'conflict') {
    const why = `taking it back conflicts in ${reverted.paths.length} files`;
    return readOnly({ passed: false, why, log: reverted.paths.join('\n') });
  }
  if (reverted.kind === 'empty') return readOnly({ passed: false, why: 'there is nothing to take back' });
  const outcome = await testsOn(services, { ...run, commit: reverted.commit });
  return { ...outcome, why: `after taking the change back, ${outcome.why}` };
};
