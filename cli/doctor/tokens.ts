import { join } from 'node:path';
import { roleWords } from '../../servers/core/factory/parse.ts';
import { describeTool } from '../../servers/core/mcp.ts';
import { isGranted } from '../../servers/core/permissions.ts';
import type { Services } from '../../servers/core/services.ts';
import { readText } from '../hosts/changes.ts';
import { type Result, table } from '../io.ts';

/**
 * What each role pays before it has done anything: the descriptions of its tools, once a session, and of its brief
 * the part that is always the same (soul and prompt) and its memory as it is now. In tokens of o200k_base.
 */
export async function tokensOfRoles(services: Services): Promise<Result> {
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  const { loadFleet } = await import('../../servers/fleet.ts');
  const { tools } = await loadFleet();
  const { factory, words } = await services.factory();
  const roles = await Promise.all(
    Object.entries(factory.roles).map(async ([role, { may, agents }]) => {
      const own = [...tools.values()].filter(({ needs }) => isGranted(may, needs));
      const described = own.map((tool) => {
        const { name, description, inputSchema } = describeTool(tool);
        return countTokens(JSON.stringify({ name, description, inputSchema }));
      });
      const { soul, prompt } = roleWords(words, role);
      const files = agents.map((agent) => readText(join(services.paths.memory, agent, 'MEMORY.md')));
      const memories = (await Promise.all(files)).map((text) => countTokens(text ?? ''));
      return {
        role,
        tools: own.length,
        toolTokens: described.reduce((sum, cost) => sum + cost, 0),
        wordTokens: countTokens(`${soul}\n\n${prompt}`),
        memoryTokens: Math.max(0, ...memories),
      };
    }),
  );
  const rows = roles.map(({ role, ...costs }) => {
    const { toolTokens, wordTokens, memoryTokens } = costs;
    const all = [costs.tools, toolTokens, wordTokens, memoryTokens, toolTokens + wordTokens + memoryTokens];
    return [role, ...all.map(String)];
  });
  const headings = ['role', 'tools', 'tools cost', 'words cost', 'memory costs', 'together, tokens'];
  return {
    value: { encoding: 'o200k_base', roles },
    text: `${table(headings, rows)}\n\nA brief adds the task and its inputs: at most 10,000 characters in all.`,
  };
}
