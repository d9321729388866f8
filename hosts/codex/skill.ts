import type { HostFactory } from '../factory.ts';

/**
 * The entry for Codex, which has no MCP prompts: `.agents/skills/millwright/SKILL.md`.
 *
 * @param words the soul and the prompt of the main session's role, as that prompt would give them
 */
export function skillFile({ name, main }: HostFactory, words: string): string {
  return `---
name: millwright
description: ${JSON.stringify(`Use when the person wants something from the factory ${name}: a feature, a fix, a product, a decision, or how things stand.`)}
---
You are ${main.agent}, in the role ${main.role} of the factory ${name}. Your tools are those of the server \`millwright\`; it
knows who you are. What the person asked for is the request. Other roles are started with \`agent_spawn\`, if your role may:
an agent that you start inside this session has no role and no right beyond yours.

${words}
`;
}
