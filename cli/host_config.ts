import { join } from 'node:path';
import { quoted } from '../hosts/factory.ts';
import { PACKAGE_ROOT } from '../servers/core/version.ts';

/** What a host starts for one agent: absolute paths only, so that it works from any folder. */
function serverCommand(enrolment: string): { command: string; args: string[] } {
  const launcher = join(PACKAGE_ROOT, 'bin', 'millwright.cjs');
  return { command: process.execPath, args: [launcher, 'mcp', '--enrolment', enrolment] };
}

/** The entry of `mcpServers` in a Claude Code configuration (`.mcp.json`, `--mcp-config`), as one JSON object. */
export function claudeCodeEntry(enrolment: string): Record<string, unknown> {
  return { type: 'stdio', ...serverCommand(enrolment), alwaysLoad: true };
}

/** The command line that adds one agent's servers to Claude Code. */
export function claudeCode(agent: string, enrolment: string): string {
  const { command, args } = serverCommand(enrolment);
  return `claude mcp add millwright-${agent} -- ${[command, ...args].map(quoted).join(' ')}`;
}

/** The command line that adds one agent's servers to Codex. */
export function codex(agent: string, enrolment: string): string {
  const { command, args } = serverCommand(enrolment);
  return `codex mcp add millwright-${agent} -- ${[command, ...args].map(quoted).join(' ')}`;
}
