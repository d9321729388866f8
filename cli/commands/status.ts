import type { Command } from 'commander';
import { definitionDigest } from '../../servers/core/factory/applied.ts';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { checkpointId, taskId } from '../../servers/core/ids.ts';
import { withFactory } from '../factories.ts';
import { listStops } from '../factory_queries.ts';
import { handled } from '../handled.ts';
import { minuteOf, shown, strong, table, when } from '../io.ts';
import { liveSessions } from '../session_queries.ts';
import {
  blockedTasks,
  countTasks,
  heldTasks,
  openCheckpoints,
  queuedRuns,
  recentWords,
} from '../status_queries.ts';

export function status(program: Command): void {
  program
    .command('status')
    .description('who works on what, what waits for you, and the limits')
    .action(
      handled((_io, options) =>
        withFactory(options, async (services, name) => {
          const { db } = services.store;
          const now = services.clock.now();
          const { factory, digest, version } = await services.factory();
          const [sessions, held, blocked, counts, waiting, queued, stops, words] = await Promise.all([
            liveSessions(db, now),
            heldTasks(db, now),
            blockedTasks(db),
            countTasks(db),
            openCheckpoints(db, now),
            queuedRuns(db),
            listStops(db),
            recentWords(db, now),
          ]);
          const files = await readDefinition(services.paths.definition).catch(() => ({}));
          const unsigned = definitionDigest(files) !== digest;
          const open = counts
            .filter(({ state }) => state !== 'done' && state !== 'cancelled')
            .reduce((sum, { count }) => sum + Number(count), 0);
          const value = {
            factory: name,
            definition: { version, digest, unsignedChanges: unsigned },
            stopped: stops.map(({ scope, reason, at }) => ({ scope, reason, at: when(at) })),
            sessions: sessions.length,
            running: held.map((one) => ({
              task: taskId(one.id),
              title: one.title,
              role: one.role,
              agent: one.agent,
              fence: one.fence,
              leaseEnds: when(one.ends_at),
            })),
            waiting: {
              checkpoints: waiting.map((one) => ({
                id: checkpointId(one.id),
                name: one.name,
                title: one.title,
                expires: when(one.expires_at),
              })),
              blocked: blocked.map((one) => ({
                id: taskId(one.id),
                title: one.title,
                role: one.role,
                why: one.outcome,
              })),
            },
            words: words.map(({ role, part, state, from_at }) => ({
              role,
              part,
              state,
              since: when(from_at),
            })),
            queuedRuns: queued.length,
            tasks: Object.fromEntries(counts.map(({ state, count }) => [state, Number(count)])),
            limits: {
              openTasks: { used: open, of: factory.limits.open_tasks },
              sessionHours: factory.limits.session_hours,
            },
          };
          const parts = [
            ...value.stopped.map((stop) => `STOPPED ${stop.scope} since ${stop.at}: ${shown(stop.reason)}`),
            section(
              'Running',
              ['task', 'agent', 'role', 'lease ends', 'title'],
              held.map((one) => [
                taskId(one.id),
                one.agent,
                one.role,
                minuteOf(one.ends_at),
                shown(one.title, 60),
              ]),
            ),
            section(
              'Waiting for you',
              ['what', 'where', 'do', 'title'],
              [
                ...value.waiting.checkpoints.map((one) => [
                  one.id,
                  one.name,
                  `millwright approve ${one.id}`,
                  shown(one.title, 60),
                ]),
                ...value.waiting.blocked.map((one) => [
                  one.id,
                  one.role,
                  'see why',
                  shown(`${one.title}: ${one.why ?? 'blocked'}`, 120),
                ]),
                ...(unsigned
                  ? [['factory file', 'factory', 'millwright factory apply', 'changed, not signed']]
                  : []),
              ],
            ),
            ...(words.length === 0
              ? []
              : [
                  section(
                    'Words of roles',
                    ['role', 'part', 'state', 'since'],
                    value.words.map((one) => [one.role, one.part, one.state, one.since]),
                  ),
                ]),
            strong('Limits'),
            `open tasks   ${open} of ${factory.limits.open_tasks}`,
            `sessions     ${sessions.length} live, each for ${factory.limits.session_hours} h`,
            `queued runs  ${queued.length}${queued.length > 0 ? ' (millwright runs)' : ''}`,
          ];
          return { value, text: parts.join('\n') };
        }),
      ),
    );
}

function section(title: string, headings: string[], rows: string[][]): string {
  return `${strong(title)}\n${rows.length === 0 ? 'nothing' : table(headings, rows)}\n`;
}
