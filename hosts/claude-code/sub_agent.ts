import { type HostAgent, type HostFactory, serverCommand, subAgentName } from '../factory.ts';

const READS = ['Read', 'Grep', 'Glob'];
const WRITES = ['Edit', 'Write', 'Bash'];
const WEB = ['WebFetch', 'WebSearch'];

/**
 * The file of one sub-agent (`.claude/agents/NAME.md`). Its servers are its own connection under a name that no
 * other server has: with the parent's name its calls would go to the parent's connection. `tools` is an allowlist,
 * so the parent's servers are out of its reach, and it starts no sub-agent but those that its role may.
 */
export function subAgentFile(factory: HostFactory, agent: HostAgent): string {
  const name = subAgentName(agent.agent);
  const server = { type: 'stdio', ...serverCommand(factory.programs, agent.enrolment), alwaysLoad: true };
  return `---
name: ${name}
description: ${JSON.stringify(`${agent.title} of the factory ${factory.name}. ${agent.description}`)}
tools: ${subAgentTools(factory, agent).join(', ')}
mcpServers: ${JSON.stringify([{ [name]: server }])}
---
You are ${agent.agent}, in the role ${agent.role} of the factory ${factory.name}. Your tools are those of the server
${name}; it knows who you are.

1. \`task_checkout\` gives you your task and your brief: who you are, how your role works, the criteria, the inputs.
   If you were told which task, take that one.
2. Do what the brief says.
3. End with \`task_complete\`, \`task_block\` or \`task_return\`. What you say in words to whoever started you
   changes nothing.
`;
}

/** The host's own tools for a role that changes files, or for one that reads; and the one server. */
function subAgentTools({ agents, main }: HostFactory, agent: HostAgent): string[] {
  const spawns = agents
    .filter((other) => agent.spawns.includes(other.role) && other.agent !== main.agent)
    .map((other) => subAgentName(other.agent));
  return [
    ...READS,
    ...(agent.writes.length > 0 ? WRITES : WEB),
    ...(spawns.length > 0 ? [`Agent(${spawns.join(', ')})`] : []),
    `mcp__${subAgentName(agent.agent)}`,
  ];
}
