import { openSeparation } from '../../servers/core/separation.ts';
import { readSeparation } from '../../servers/core/separation_file.ts';
import type { Services } from '../../servers/core/services.ts';
import { EXIT } from '../failures.ts';
import { reachOf } from '../separation.ts';
import { type Finding, fault, note, ok } from './finding.ts';

const LISTED = 3;

/** Which tier of the README's table holds here: tried as each of the users that agents run as, not believed. */
export async function checkTier({ paths }: Services): Promise<Finding[]> {
  const set = await readSeparation(paths);
  if (!set) {
    const says = 'tier 1: agents share the user of the servers, and their shells reach its files';
    return [note('tier', says, 'For hostile agents: `millwright up --user NAME`, as root; docs/running.md.')];
  }
  const separation = await openSeparation(paths).catch((error: Error) => error);
  if (separation instanceof Error) {
    const says = `tier 2 was set up and could not be tried: ${separation.message}`;
    return [
      fault('tier', says, 'Run `millwright doctor` as the user that runs `millwright up`.', EXIT.notSetUp),
    ];
  }
  const findings: Finding[] = [];
  for (const user of separation?.users ?? []) {
    const reached = await reachOf(paths, user);
    const shown = reached.slice(0, LISTED).map(({ what, path }) => `${what} ${path}`);
    const more = reached.length > LISTED ? ` and ${reached.length - LISTED} more` : '';
    findings.push(
      reached.length === 0
        ? ok('tier', `tier 2: ${user.name}, tried, reaches nothing of the factory and no server`)
        : fault(
            'tier',
            `only tier 1 holds: ${user.name} ${shown.join(', ')}${more}`,
            `Take that from ${user.name}: chmod, chown, or another user.`,
            EXIT.failed,
          ),
    );
  }
  return findings;
}
