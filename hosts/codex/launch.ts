import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scrubbed, shareLogin } from '../run/environment.ts';
import { hooksOf } from '../run/guard.ts';
import { type HostPort, type Launch, type LaunchInput, SERVER } from '../run/port.ts';
import { codexStream } from './stream.ts';

const PROVIDER = ['OPENAI_API_KEY', 'CODEX_API_KEY'];
const LOGIN = 'auth.json';
/** Codex skips hooks in silence that nobody trusted; in this folder there are none but the factory's. */
const TRUST = '--dangerously-bypass-hook-trust';
const TOOL_SECONDS = 60;

/**
 * Codex without a person: a CODEX_HOME of this run, and an empty folder to start in. Codex lists the skills of the
 * repository it is started in even where that is not trusted, so it is not started in the clone: workspace_open names it.
 */
export const codex: HostPort = {
  kind: 'codex',
  stream: codexStream,

  async launch(input: LaunchInput): Promise<Launch> {
    const home = join(input.folder, 'config');
    await mkdir(home, { recursive: true, mode: 0o700 });
    await writeFile(join(home, 'config.toml'), configOf(input), { mode: 0o600 });
    await writeFile(join(home, 'hooks.json'), JSON.stringify({ hooks: await hooksOf(input) }), {
      mode: 0o600,
    });
    if (input.words) await writeFile(join(home, 'AGENTS.md'), input.words, { mode: 0o600 });
    if (!input.choice.host.key_env) await shareLogin(input.env, `.codex/${LOGIN}`, join(home, LOGIN));
    const args = [
      ...['exec', '--json', '--skip-git-repo-check', '--strict-config', TRUST],
      ...['-s', input.changes ? 'danger-full-access' : 'read-only', '--', input.prompt],
    ];
    const cwd = join(input.folder, 'empty');
    await mkdir(cwd, { recursive: true, mode: 0o700 });
    const env = { ...(await scrubbed(input, PROVIDER)), CODEX_HOME: home };
    return { command: input.choice.host.command ?? 'codex', args, env, cwd };
  },
};

function configOf({ choice, url, token }: LaunchInput): string {
  const { endpoint, key_env } = choice.host;
  const lines = [
    'approval_policy = "never"',
    'project_doc_max_bytes = 0',
    ...(choice.model ? [`model = ${text(choice.model)}`] : []),
    ...(endpoint ? ['model_provider = "factory"'] : []),
    `[mcp_servers.${SERVER}]`,
    `url = ${text(url)}`,
    `http_headers = { Authorization = ${text(`Bearer ${token}`)} }`,
    `tool_timeout_sec = ${TOOL_SECONDS}`,
    'default_tools_approval_mode = "approve"',
    'required = true',
  ];
  if (endpoint) {
    lines.push('[model_providers.factory]', 'name = "factory"', `base_url = ${text(endpoint)}`);
    lines.push('wire_api = "responses"', 'request_max_retries = 2', 'stream_max_retries = 2');
    if (key_env) lines.push(`env_key = ${text(key_env)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A basic string of TOML is a string of JSON, but for DEL. */
const text = (value: string) => JSON.stringify(value).replaceAll('\x7f', '\\u007f');
