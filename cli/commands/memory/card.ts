import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { forModel } from '../../../hosts/hooks.ts';
import { readEnrolment } from '../../../servers/core/enrolment.ts';
import { queueEvent, takeQueued } from '../../../servers/memory/card_queue.ts';
import { cardFor, type HostEvent, keepCard } from '../../../servers/memory/state_cards.ts';
import { handled } from '../../handled.ts';
import { readHook } from '../../hooks/input.ts';
import { NotEnrolled, withHookStore } from '../../hooks/store.ts';

interface CardOptions {
  enrolment: string;
  event?: string;
}

const ASK = "The factory's store did not answer just now. Call memory_read: it says where you stand.";

export function card(memory: Command): void {
  memory
    .command('card')
    .description("for a host's hooks: keep where the session stands, and say it again after a compaction")
    .requiredOption('--enrolment <file>', 'whose: the file that `millwright enrol` printed')
    .option('--event <name>', 'which event, when the hook does not say it')
    .action(
      handled<CardOptions>(async (io, options) => {
        const input = await readHook();
        const event = (options.event ?? input.hook_event_name ?? '').slice(0, 60);
        const hostSession = input.session_id ?? process.env.CLAUDE_CODE_SESSION_ID ?? '';
        const said = await answer(options.enrolment, { event, hostSession, source: input.source }).catch(
          (error: Error) => {
            io.progress(`millwright: ${error.message}`);
            return undefined;
          },
        );
        await new Promise((done) => process.stdout.write(said ? `${said}\n` : '', done));
        // A store that does not answer must not keep the host waiting.
        process.exit(0);
      }),
    );
}

interface Hook {
  event: string;
  hostSession: string;
  source: string | undefined;
}

/** What the host shows its model; undefined for nothing. Keeps the card, or queues it when the store is away. */
async function answer(enrolment: string, { event, hostSession, source }: Hook): Promise<string | undefined> {
  const file = await readEnrolment(enrolment);
  const shows = event === '' || (event === 'SessionStart' && source === 'compact');
  const print = (body: string) => (event === '' ? body : forModel(event, body));
  if ('url' in file) return shows ? print(ASK) : undefined;
  const happened: HostEvent = { agent: file.agent, hostSession, event, at: Date.now() };
  const folder = dirname(resolve(enrolment));
  try {
    return await withHookStore(file, async (services) => {
      await takeQueued(services, folder);
      if (shows) return print((await cardFor(services, happened)).body);
      if (event !== 'SessionStart') await keepCard(services, happened);
      return undefined;
    });
  } catch (error) {
    if (error instanceof NotEnrolled) throw error;
    if (shows) return print(ASK);
    if (event !== 'SessionStart') await queueEvent(folder, happened);
    return undefined;
  }
}
