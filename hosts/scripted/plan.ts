/** One thing the scripted model says: a text, or a call of a tool. A Codex tool of an MCP server is `mcp__name::tool`. */
export type Block = ({ text: string } | { tool: string; input: Record<string, unknown> }) & {
  /** Tokens that the model says it has read; a host that sees its window fill compacts. */
  read?: number;
};

/** Tokens that an answer says it read. */
export const readBy = (blocks: readonly Block[]): number =>
  Math.max(100, ...blocks.map(({ read }) => read ?? 0));

/** What a host asked the scripted model, in one shape for both protocols. */
export interface ModelRequest {
  api: 'anthropic' | 'openai';
  model: string;
  system: string;
  /** Names of the tools on offer; those of a Codex namespace as `namespace::tool`. */
  tools: string[];
  /** Everything said so far, oldest first. */
  turns: Turn[];
  headers: Record<string, string | string[] | undefined>;
}

export type Turn =
  | { from: 'user'; text: string; results: ToolResult[] }
  | { from: 'model'; text: string; calls: string[] };

export interface ToolResult {
  call: string;
  isError: boolean;
  text: string;
}

/** Decides what the model says next. */
export type Script = (request: ModelRequest) => Block[] | Promise<Block[]>;

/** As a value of a call's input it stands for what the last results said. */
export const LAST = '$LAST';

/** Writes a plan into a prompt: element i is what the model says in its i-th turn after it. */
export function plan(...turns: (Block | Block[])[]): string {
  return `PLAN:${JSON.stringify(turns)}`;
}

/**
 * The script that the prompt itself carries: the newest user text with a plan gives it, also one within a plan (the
 * prompt of a sub-agent). After its last turn the model says `DONE` and the last results; without a plan `NOPLAN`.
 */
export const planFromPrompt: Script = ({ turns }) => {
  for (let at = turns.length - 1; at >= 0; at--) {
    const turn = turns[at];
    const steps = turn?.from === 'user' ? readPlan(turn.text) : undefined;
    if (!steps) continue;
    const done = turns.slice(at + 1).filter(({ from }) => from === 'model').length;
    const step = steps[done];
    const last = lastResults(turns);
    return step === undefined
      ? [{ text: `DONE ${last}` }]
      : [step].flat().map((block) => filled(block, last));
  }
  return [{ text: 'NOPLAN' }];
};

function filled(block: Block, last: string): Block {
  if (!('tool' in block)) return block;
  const input = Object.entries(block.input).map(([key, value]) => [
    key,
    value === LAST ? last.trim() : value,
  ]);
  return { ...block, input: Object.fromEntries(input) };
}

/** The results after the model's last words, as one line each. */
function lastResults(turns: Turn[]): string {
  const from = turns.findLastIndex((turn) => turn.from === 'model');
  return turns
    .slice(from + 1)
    .flatMap((turn) => (turn.from === 'user' ? turn.results : []))
    .map(({ isError, text }) => (isError ? `ERR ${text}` : text))
    .join('\n');
}

function readPlan(text: string): (Block | Block[])[] | undefined {
  const start = text.indexOf('PLAN:[');
  if (start < 0) return undefined;
  try {
    return JSON.parse(arrayAt(text, start + 'PLAN:'.length));
  } catch {
    return undefined;
  }
}

/** The JSON array that begins at `start`, up to its own closing bracket. */
function arrayAt(text: string, start: number): string {
  const token = /"(?:[^"\\]|\\.)*"|[[\]]/gs;
  token.lastIndex = start;
  let depth = 0;
  for (let found = token.exec(text); found; found = token.exec(text)) {
    if (found[0] === '[') depth++;
    if (found[0] === ']') depth--;
    if (depth === 0) return text.slice(start, token.lastIndex);
  }
  return text.slice(start);
}
