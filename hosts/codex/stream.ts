import { objectIn } from '../run/lines.ts';
import { type HostStream, nothingSeen, type Seen } from '../run/port.ts';

interface Event {
  type?: string;
  message?: string;
  error?: { message?: string };
  item?: { type?: string; text?: string };
  usage?: { input_tokens?: number; cached_input_tokens?: number; output_tokens?: number };
}

/** An item that the model decided on; reasoning and errors are none. */
const DECIDED = ['agent_message', 'command_execution', 'mcp_tool_call', 'file_change', 'web_search'];

/**
 * Reads `codex exec --json`. Codex reports tokens when its turn ends and no money at all; until then what counts is
 * each thing that the model decided on, one an answer.
 */
export function codexStream(): HostStream {
  const seen: Seen = nothingSeen();
  return {
    seen,
    take(line) {
      const event = objectIn<Event>(line);
      if (event?.type === 'item.completed') {
        const { type = '', text } = event.item ?? {};
        if (DECIDED.includes(type)) seen.turns++;
        if (type === 'agent_message' && text) seen.said = text;
      }
      if (event?.type === 'turn.completed') {
        const {
          input_tokens: input = 0,
          cached_input_tokens: cached = 0,
          output_tokens = 0,
        } = event.usage ?? {};
        seen.input += Math.max(0, input - cached);
        seen.cached += cached;
        seen.output += output_tokens;
        seen.failure = undefined;
      }
      if (event?.type === 'turn.failed') seen.failure = event.error?.message || 'The turn failed.';
      if (event?.type === 'error') seen.failure = event.message || 'The host failed.';
    },
  };
}
