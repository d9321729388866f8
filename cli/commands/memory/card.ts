import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import * as z from 'zod';
import { type HomeEnrolment, readEnrolment } from '../../../servers/core/enrolment.ts';
import { hashToken } from '../../../servers/core/identity.ts';
import { inTime } from '../../../servers/core/in_time.ts';
import { openServices } from '../../../servers/core/open.ts';
import type { Services } from '../../../servers/core/services.ts';
import { queueEvent, takeQueued } from '../../../servers/memory/card_queue.ts';
import { cardFor, type HostEvent, keepCard } from '../../../servers/memory/state_cards.ts';
import { handled } from '../../handled.ts';
import { enrolmentByToken } from '../../queries.ts';

/** What hosts write to a hook's standard input, as far as it counts here. */
const hookInput = z.object({
  session_id: z.string().max(200).optional(),
  hook_event_name: z.string().max(60).optional(),
  source: z.string().max(60).optional(),
});
type HookInput = z.output<typeof hookInput>;

interface CardOptions {
  enrolment: string;
  event?: string;
}

/** A hook answers within five seconds, its start included. */
const STORE_MS = 3_000;
const STDIN_MS = 500;
const LARGEST_INPUT = 1_000_000;
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
    return await inTime(
      withStore(file, async (services) => {
        await takeQueued(services, folder);
        if (shows) return print((await cardFor(services, happened)).body);
        if (event !== 'SessionStart') await keepCard(services, happened);
        return undefined;
      }),
      STORE_MS,
      tooLate,
    );
  } catch (error) {
    if (error instanceof NotEnrolled) throw error;
    if (shows) return print(ASK);
    if (event !== 'SessionStart') await queueEvent(folder, happened);
    return undefined;
  }
}

class NotEnrolled extends Error {}

async function withStore<T>(file: HomeEnrolment, work: (services: Services) => Promise<T>): Promise<T> {
  const services = await openServices(file.home, { databaseUrl: process.env.DATABASE_URL });
  try {
    const known = await enrolmentByToken(services.store.db, hashToken(file.token), services.clock.now());
    if (known?.agent !== file.agent) throw new NotEnrolled('This enrolment is revoked, expired or unknown.');
    return await work(services);
  } finally {
    await services.close();
  }
}

/** The form in which Claude Code and Codex take words for the model from a hook. */
const forModel = (hookEventName: string, additionalContext: string) =>
  JSON.stringify({ hookSpecificOutput: { hookEventName, additionalContext } });

const tooLate = () => new Error('The store did not answer in time.');

/** The hook's JSON; an empty one when there is none, or it is none. */
async function readHook(): Promise<HookInput> {
  if (process.stdin.isTTY) return {};
  try {
    return hookInput.parse(JSON.parse(await readInput()));
  } catch {
    return {};
  }
}

function readInput(): Promise<string> {
  return new Promise((done) => {
    let text = '';
    const end = () => done(text);
    setTimeout(end, STDIN_MS);
    process.stdin.setEncoding('utf8');
    process.stdin.on('data', (piece) => {
      text += piece;
      if (text.length > LARGEST_INPUT) end();
    });
    process.stdin.on('end', end).on('error', end);
  });
}
