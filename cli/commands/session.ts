import type { Command } from 'commander';
import { append } from '../../servers/core/record.ts';
import { withFactory } from '../factories.ts';
import { CommandError } from '../failures.ts';
import { handled } from '../handled.ts';
import { stopping } from '../hooks/stopping.ts';
import { shown, table, when } from '../io.ts';
import { liveSessions, revokeEnrolment, revokeSession } from '../session_queries.ts';

export function session(program: Command): void {
  const group = program.command('session').description('the sessions of agents that can call tools now');
  stopping(group);
  group
    .command('list')
    .description('live sessions, newest last')
    .action(
      handled((_io, options) =>
        withFactory(options, async (services) => {
          const sessions = await liveSessions(services.store.db, services.clock.now());
          const rows = sessions.map((one) => [
            one.id,
            one.agent,
            one.role,
            when(one.opened_at),
            when(one.beat_at),
            one.task === null ? '-' : `T-${one.task}`,
          ]);
          const value = sessions.map(({ id, agent, role, opened_at, beat_at, expires_at, task }) => ({
            id,
            agent,
            role,
            opened: when(opened_at),
            beat: when(beat_at),
            expires: when(expires_at),
            task: task === null ? null : `T-${task}`,
          }));
          const text = table(['session', 'agent', 'role', 'opened', 'last beat', 'task'], rows);
          return { value: { sessions: value }, text: sessions.length === 0 ? 'No session is live.' : text };
        }),
      ),
    );
  group
    .command('revoke <id>')
    .description('end a session at once; what it holds is given back')
    .option('--enrolment', 'revoke also the enrolment it came from, so that the host cannot open another')
    .action(
      handled<{ enrolment?: boolean }>((_io, options, id = '') =>
        withFactory(options, async (services) => {
          const now = services.clock.now();
          const revoked = await services.store.transaction(async (tx) => {
            const row = await revokeSession(tx, id, now);
            if (!row) return undefined;
            if (options.enrolment && row.enrolment) await revokeEnrolment(tx, row.enrolment, now);
            await append(services.store, tx, {
              at: now,
              session: 'server',
              agent: row.agent,
              role: row.role,
              event: 'session.revoked',
              subject: `session:${row.id}`,
              body: { enrolment: options.enrolment === true },
            });
            return row;
          });
          if (!revoked) {
            throw new CommandError(
              'NOT_FOUND',
              `There is no session ${shown(id)} to revoke.`,
              'See `millwright session list`.',
            );
          }
          const also = options.enrolment ? ' and its enrolment' : '';
          return {
            value: { session: id, agent: revoked.agent, revoked: true },
            text: `Revoked ${id}${also}.`,
          };
        }),
      ),
    );
}
