import { type HostFactory, MAIN_SERVER, serverCommand } from '../factory.ts';

const BEGIN = '# millwright: begin (written by `millwright init --host codex`; put lines of your own above)';
const END = '# millwright: end';
const BLOCK = new RegExp(`^${escaped(BEGIN)}\\n[\\s\\S]*?\\n${escaped(END)}(?:\\n|$)`, 'm');

/**
 * The lines of a project's `.codex/config.toml`: the main session's server. Codex hands its servers nothing of the
 * environment but what is named, and every sub-agent of the session gets this same server and thus the same agent.
 * `required` makes it wait for the server before the first turn; without it a session can begin with no factory.
 */
export function codexBlock({ main, programs }: HostFactory): string {
  const { command, args } = serverCommand(programs, main.enrolment);
  return [
    BEGIN,
    `[mcp_servers.${MAIN_SERVER}]`,
    `command = ${JSON.stringify(command)}`,
    `args = ${JSON.stringify(args)}`,
    'env_vars = ["DATABASE_URL"]',
    'required = true',
    'startup_timeout_sec = 30',
    'tool_timeout_sec = 60',
    'default_tools_approval_mode = "approve"',
    END,
    '',
  ].join('\n');
}

/** `config.toml` with the block in place of an older one, at its end; without it for an undefined block. */
export function withBlock(text: string, block: string | undefined): string {
  const found = BLOCK.exec(text);
  const rest = found
    ? text.slice(0, found.index).replace(/\n\n$/, '\n') + text.slice(found.index + found[0].length)
    : text;
  if (block === undefined) return rest;
  if (/^\s*\[\s*mcp_servers\s*\.\s*"?millwright"?\s*\]/m.test(rest)) {
    throw new Error('config.toml has a server `millwright` of its own; rename it, then run this again.');
  }
  const gap = rest === '' || rest.endsWith('\n\n') ? '' : rest.endsWith('\n') ? '\n' : '\n\n';
  return `${rest}${gap}${block}`;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
