import { expect, test } from 'vitest';
import { claudeCodeStream } from '../../hosts/claude-code/stream.ts';
import { codexStream } from '../../hosts/codex/stream.ts';
import { microsOf } from '../../hosts/run/limits.ts';
import { byLine } from '../../hosts/run/lines.ts';

const answer = (id: string, text: string, usage: object, more: object = {}) =>
  JSON.stringify({ type: 'assistant', message: { id, content: [{ type: 'text', text }], usage }, ...more });

test('Claude Code: an answer in several lines counts once, and the result has the last word', () => {
  const stream = claudeCodeStream();
  const lines = [
    '{"type":"system","subtype":"init"}',
    'no event at all',
    'null',
    answer('m1', 'First', {
      input_tokens: 10,
      cache_creation_input_tokens: 5,
      cache_read_input_tokens: 100,
      output_tokens: 1,
    }),
    answer('m1', 'First, on', {
      input_tokens: 10,
      cache_creation_input_tokens: 5,
      cache_read_input_tokens: 100,
      output_tokens: 7,
    }),
    answer('m2', 'Second', { input_tokens: 20, output_tokens: 3 }),
  ];
  for (const line of lines) stream.take(line);
  expect(stream.seen).toEqual({
    turns: 2,
    input: 35,
    cached: 100,
    output: 10,
    micros: null,
    said: 'Second',
    failure: undefined,
  });
  expect(microsOf(stream.seen, { input: 3, output: 15, cached: 0.3 })).toBe(35 * 3 + 30 + 150);
  const models = {
    a: { inputTokens: 50, outputTokens: 30, cacheReadInputTokens: 100, cacheCreationInputTokens: 5 },
  };
  stream.take(
    JSON.stringify({
      type: 'result',
      is_error: false,
      result: 'The end',
      total_cost_usd: 0.0123,
      modelUsage: models,
    }),
  );
  expect(stream.seen).toMatchObject({ input: 55, cached: 100, output: 30, micros: 12_300, said: 'The end' });
});

test('a fault of the provider is a failure, whatever the host calls its end', () => {
  const claude = claudeCodeStream();
  claude.take(answer('e', 'API Error: 500', {}, { is_api_error_message: true }));
  claude.take(
    JSON.stringify({ type: 'result', subtype: 'success', is_error: true, result: 'API Error: 500 again' }),
  );
  expect(claude.seen).toMatchObject({ turns: 0, failure: 'API Error: 500' });

  const codex = codexStream();
  codex.take('{"type":"item.completed","item":{"type":"mcp_tool_call"}}');
  codex.take('{"type":"item.completed","item":{"type":"agent_message","text":"On it."}}');
  codex.take('{"type":"error","message":"Reconnecting"}');
  expect(codex.seen).toMatchObject({ turns: 2, said: 'On it.', failure: 'Reconnecting', micros: null });
  codex.take(
    '{"type":"turn.completed","usage":{"input_tokens":100,"cached_input_tokens":40,"output_tokens":9}}',
  );
  expect(codex.seen).toMatchObject({ input: 60, cached: 40, output: 9, failure: undefined });
  codex.take('{"type":"turn.failed","error":{"message":"high demand"}}');
  expect(codex.seen.failure).toBe('high demand');
});

test('lines come whole, however the stream is cut', () => {
  const lines: string[] = [];
  const take = byLine((line) => lines.push(line));
  for (const chunk of ['{"a"', ':1}\n{"b":2}\n', '\n{"c"', ':3}\n{"rest"']) take(chunk);
  expect(lines).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
});
