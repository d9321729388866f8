import { hostBinary } from './binaries.ts';
import { type Mill, type MillOptions, openMill } from './mill.ts';
import { type ModelStub, startModelStub } from './model_stub.ts';
import { type Block, planFromPrompt, type Script } from './plan.ts';

let open: { mill: Mill; model: ModelStub } | undefined;

/** A mill whose hosts are the real ones and whose model says what `script` says; `closeMill` ends it. */
export async function openHostMill(script: Script = planFromPrompt, options: MillOptions = {}) {
  const model = await startModelStub(script);
  const hosts = {
    'claude-code': { kind: 'claude-code', command: await hostBinary('claude-code') },
    older: { kind: 'claude-code', command: await hostBinary('claude-code-older') },
    codex: {
      kind: 'codex',
      command: await hostBinary('codex'),
      endpoint: `${model.url}/v1`,
      key_env: 'SCRIPTED_KEY',
    },
  };
  const mill = await openMill({
    ...options,
    env: {
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: 'sk-ant-scripted',
      SCRIPTED_KEY: 'scripted',
      ...options.env,
    },
    change(factory) {
      Object.assign(factory, { hosts });
      return options.change?.(factory);
    },
  });
  open = { mill, model };
  return open;
}

/** Ends the mill of a test and its model. */
export async function closeMill(): Promise<void> {
  await open?.mill.close();
  await open?.model.close();
  open = undefined;
}

/** A call of one of the fleet's tools, as Claude Code names it. */
export const tool = (name: string, input: Record<string, unknown> = {}) => ({
  tool: `mcp__millwright__${name}`,
  input,
});
/** The same, as Codex names it. */
export const codexTool = (name: string, input: Record<string, unknown> = {}) => ({
  tool: `mcp__millwright::${name}`,
  input,
});
export const done = tool('task_complete', { summary: 'It adds, as was seen.' });

/** What the model of one name says by its own plan; others are down. */
export const byModel =
  (scripts: Readonly<Record<string, Script>>): Script =>
  (request) => {
    const script = Object.entries(scripts).find(([name]) => request.model.startsWith(name))?.[1];
    if (!script) throw new Error('this model is down');
    return script(request);
  };

/** Says one turn after the other; after the last one the provider is down. */
export const thenDown =
  (...said: (Block | Block[])[]): Script =>
  ({ turns }) => {
    const step = said[turns.filter(({ from }) => from === 'model').length];
    if (!step) throw new Error('the provider is down');
    return [step].flat();
  };
