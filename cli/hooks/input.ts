import * as z from 'zod';

/** What hosts write to a hook's standard input, as far as it counts here. */
const hookInput = z.object({
  session_id: z.string().max(200).optional(),
  hook_event_name: z.string().max(60).optional(),
  source: z.string().max(60).optional(),
  /** The name of the sub-agent that the event is about. */
  agent_type: z.string().max(200).optional(),
  /** A hook has kept this agent from stopping before. */
  stop_hook_active: z.boolean().optional(),
});
export type HookInput = z.output<typeof hookInput>;

const STDIN_MS = 500;
const LARGEST_INPUT = 1_000_000;

/** The hook's JSON; an empty one when there is none, or it is none. */
export async function readHook(): Promise<HookInput> {
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
