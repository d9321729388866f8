import { HOST_TOOLS } from './host_tools.ts';
import type { Model, Turn, Usage } from './model.ts';
import type { Scenario } from './scenario.ts';
import { type Called, type Score, score } from './score.ts';
import type { Scene } from './stage.ts';

/** The words that a run begins with; null for a run without any. */
export interface Words {
  soul: string;
  prompt: string;
}

export interface Played extends Score {
  calls: Called[];
  /** Rules by which the servers refused something. */
  rules: string[];
  usage: Usage;
  /** What the model said last. */
  said: string;
}

const MOST_TURNS = 30;

const SYSTEM =
  'You are an agent of a software factory, alone in this session. Work only by calling tools; stop when you have ' +
  'handed in, blocked or given back your task, or when there is nothing more to do. A refusal names the rule and what to do next.';

/**
 * Plays one scenario from a fresh context to its end: brief and message in, calls out through the role's own MCP
 * session, until the model calls nothing more. Throws what the model throws.
 */
export async function play(
  scenario: Scenario,
  scene: Scene,
  model: Model,
  words: Words | null,
): Promise<Played> {
  const tools = [...(await scene.session.tools()), ...HOST_TOOLS];
  const turns: Turn[] = [{ who: 'user', text: opening(scenario, scene, words) }];
  const calls: Called[] = [];
  const usage = { input: 0, output: 0 };
  let said = '';
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const next = await model({ system: SYSTEM, tools, turns });
    usage.input += next.usage.input;
    usage.output += next.usage.output;
    said = next.text;
    turns.push({ who: 'model', text: next.text, calls: next.calls });
    if (next.calls.length === 0) break;
    const results = [];
    for (const { id, name, args } of next.calls) {
      const { refused, text } = await answer(scene, words, name, args);
      calls.push({ tool: name, args, refused });
      results.push({ id, text, refused });
    }
    turns.push({ who: 'tools', results });
  }
  return { ...score(scenario, calls), calls, rules: await scene.rules(), usage, said };
}

function opening({ message }: Scenario, { brief }: Scene, words: Words | null): string {
  const given = brief ? worded(brief, words) : { ...(words ?? {}) };
  return `Your brief:\n${JSON.stringify(given)}\n\nThis has just come in:\n${message}`;
}

/** A brief with the words of this run in place of those in force. */
const worded = (brief: Record<string, unknown>, words: Words | null) => ({
  ...brief,
  soul: words?.soul ?? '',
  prompt: words?.prompt ?? '',
});

async function answer(scene: Scene, words: Words | null, tool: string, args: Record<string, unknown>) {
  const own = await scene.host.call(tool, args);
  if (own) return own;
  const reply = await scene.session.call(tool, args);
  if (reply.refused) return reply;
  if (tool === 'workspace_open') scene.host.moveTo(String(reply.value.workspace));
  return tool === 'task_checkout' ? { ...reply, text: JSON.stringify(worded(reply.value, words)) } : reply;
}
