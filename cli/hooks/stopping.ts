import type { Command } from 'commander';
import { MAIN_SERVER } from '../../hosts/factory.ts';
import { readEnrolment } from '../../servers/core/enrolment.ts';
import { taskId } from '../../servers/core/ids.ts';
import type { Services } from '../../servers/core/services.ts';
import { cardFor, keepCard } from '../../servers/memory/state_cards.ts';
import { handled } from '../handled.ts';
import { holdsNow } from '../session_queries.ts';
import { type HookInput, readHook } from './input.ts';
import { withHookStore } from './store.ts';

/**
 * `millwright session stopping`: keeps where a sub-agent stood when it stops, and tells one that still holds a task to
 * end it first, once. Its lease ends with its connection whatever this says.
 */
export function stopping(session: Command): void {
  session
    .command('stopping', { hidden: true })
    .description("for a host's hook at the end of a sub-agent")
    .requiredOption('--enrolment <file>', "the main session's enrolment")
    .action(
      handled<{ enrolment: string }>(async (io, { enrolment }) => {
        const said = await answer(enrolment, await readHook()).catch((error: Error) => {
          io.progress(`millwright: ${error.message}`);
          return undefined;
        });
        await new Promise((done) => process.stdout.write(said ? `${said}\n` : '', done));
        // A store that does not answer must not keep the host waiting.
        process.exit(0);
      }),
    );
}

async function answer(enrolment: string, input: HookInput): Promise<string | undefined> {
  const file = await readEnrolment(enrolment);
  const prefix = `${MAIN_SERVER}-`;
  if ('url' in file || !input.agent_type?.startsWith(prefix) || !input.session_id) return undefined;
  const event = {
    agent: input.agent_type.slice(prefix.length),
    hostSession: input.session_id,
    event: 'SubagentStop',
    at: Date.now(),
  };
  return withHookStore(file, async (services) => {
    await keepCard(services, event);
    const task = input.stop_hook_active ? undefined : await held(services, event);
    if (task === undefined) return undefined;
    const reason = `You still hold ${task}. End it with task_complete, task_block or task_return; else it goes to somebody else.`;
    return JSON.stringify({ decision: 'block', reason });
  });
}

/** The task that an agent's session under this host session holds now. */
async function held(services: Services, event: Parameters<typeof cardFor>[1]): Promise<string | undefined> {
  const { session, task } = await cardFor(services, event);
  if (session === null || task === null) return undefined;
  const isHeld = await holdsNow(services.store.db, session, task, services.clock.now());
  return isHeld ? taskId(task) : undefined;
}
