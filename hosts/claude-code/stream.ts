import { objectIn } from '../run/lines.ts';
import { type HostStream, nothingSeen, type Seen } from '../run/port.ts';

interface Usage {
  input_tokens?: number;
  cache_creation_input_tokens?: number;
  cache_read_input_tokens?: number;
  output_tokens?: number;
}

interface ModelUsage {
  inputTokens?: number;
  outputTokens?: number;
  cacheReadInputTokens?: number;
  cacheCreationInputTokens?: number;
}

interface Event {
  type?: string;
  message?: { id?: string; usage?: Usage; content?: { type?: string; text?: string }[] };
  is_api_error_message?: boolean;
  is_error?: boolean;
  subtype?: string;
  result?: string;
  total_cost_usd?: number;
  modelUsage?: Record<string, ModelUsage>;
}

/**
 * Reads `claude -p --output-format stream-json --verbose`. One answer of the model comes as several lines of one id,
 * each with the usage so far; the closing `result` line has the sums, those of sub-agents included.
 */
export function claudeCodeStream(): HostStream {
  const seen: Seen = nothingSeen();
  const answers = new Map<string, Required<Pick<Seen, 'input' | 'cached' | 'output'>>>();

  const takeAnswer = ({ message, is_api_error_message: isFault }: Event) => {
    const text = message?.content
      ?.flatMap((part) => (part.type === 'text' ? (part.text ?? '') : []))
      .join('\n');
    if (text) seen.said = text;
    if (isFault) seen.failure = text || 'The provider failed.';
    if (isFault || !message?.id) return;
    const { usage = {} } = message;
    answers.set(message.id, {
      input: (usage.input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
      cached: usage.cache_read_input_tokens ?? 0,
      output: usage.output_tokens ?? 0,
    });
    seen.turns = answers.size;
    for (const part of ['input', 'cached', 'output'] as const)
      seen[part] = [...answers.values()].reduce((sum, answer) => sum + answer[part], 0);
  };

  const takeResult = (event: Event) => {
    if (event.result) seen.said = event.result;
    if (typeof event.total_cost_usd === 'number') seen.micros = Math.ceil(event.total_cost_usd * 1_000_000);
    const models = Object.values(event.modelUsage ?? {});
    const sum = (of: (one: ModelUsage) => number) => models.reduce((all, one) => all + of(one), 0);
    seen.input = Math.max(
      seen.input,
      sum((one) => (one.inputTokens ?? 0) + (one.cacheCreationInputTokens ?? 0)),
    );
    seen.cached = Math.max(
      seen.cached,
      sum((one) => one.cacheReadInputTokens ?? 0),
    );
    seen.output = Math.max(
      seen.output,
      sum((one) => one.outputTokens ?? 0),
    );
    if (event.is_error) seen.failure ??= event.result || event.subtype || 'The host failed.';
  };

  return {
    seen,
    take(line) {
      const event = objectIn<Event>(line);
      if (event?.type === 'assistant') takeAnswer(event);
      if (event?.type === 'result') takeResult(event);
    },
  };
}
