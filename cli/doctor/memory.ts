import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isGranted } from '../../servers/core/permissions.ts';
import type { Services } from '../../servers/core/services.ts';
import { memoryFile, readMemoryFile } from '../../servers/memory/render.ts';
import { agentsOf } from '../agents.ts';
import { EXIT } from '../failures.ts';
import { changingSessions } from '../session_queries.ts';
import { type Finding, fault, note, ok } from './finding.ts';

/** So many sessions that changed something and wrote nothing are no accident. */
const SESSIONS = 5;

/** Whether the agents that work also remember. */
export async function checkMemory(services: Services): Promise<Finding> {
  const { factory } = await services.factory();
  const roles = Object.entries(factory.roles)
    .filter(([, { may }]) => isGranted(may, 'memory:own'))
    .map(([role]) => role);
  if (roles.length === 0)
    return note('memory', 'no role may keep memory', 'Grant memory:own, and sign the factory file.');
  const sessions = await changingSessions(services.store.db, roles, SESSIONS);
  const silent = sessions.filter(({ entries }) => entries === 0);
  if (sessions.length === SESSIONS && silent.length === SESSIONS) {
    const who = [...new Set(silent.map(({ agent }) => agent))].join(', ');
    return fault(
      'memory',
      `the last ${SESSIONS} sessions that changed something wrote no memory (${who})`,
      factory.memory.required
        ? 'See in `millwright record tail` how their tasks ended, and that their hosts serve memory_write.'
        : 'Set memory.required to true in the factory file, and sign it.',
      EXIT.failed,
    );
  }
  return ok(
    'memory',
    `${sessions.length - silent.length} of the last ${sessions.length} working sessions wrote memory`,
  );
}

/** Whether every MEMORY.md that is there can be read and replaced. */
export async function checkMemoryFiles(services: Services): Promise<Finding> {
  const faults: string[] = [];
  for (const { agent } of agentsOf((await services.factory()).factory)) {
    const path = memoryFile(services.paths, agent);
    try {
      await readMemoryFile(path);
      const folder = await stat(dirname(path)).catch(() => undefined);
      if (folder) await access(dirname(path), constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (faults.length === 0) return ok('MEMORY.md', 'every one can be read and written');
  return fault(
    'MEMORY.md',
    faults.join(' '),
    'Put a plain file of yours there, or move it away: it is rendered anew.',
    EXIT.failed,
  );
}
