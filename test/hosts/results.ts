import type { ModelRequest, ToolResult } from './plan.ts';

/** Results of the tools that a model called, as its hosts gave them to it, each once. */
export function resultsIn(requests: readonly ModelRequest[]): ToolResult[] {
  const all = requests.flatMap(({ turns }) =>
    turns.flatMap((turn) => (turn.from === 'user' ? turn.results : [])),
  );
  return [...new Map(all.map((result) => [result.call, result])).values()];
}
