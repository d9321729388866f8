import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scrubbed, shareLogin } from '../run/environment.ts';
import { hooksOf } from '../run/guard.ts';
import { type HostPort, type Launch, type LaunchInput, SERVER } from '../run/port.ts';
import { claudeCodeStream } from './stream.ts';

/** What Claude Code reads of a provider; a key that the factory file names goes in as the endpoint's token. */
const PROVIDER = [
  'ANTHROPIC_BASE_URL',
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
];
const CHANGES = ['Read', 'Edit', 'Write', 'Bash'];
const READS = ['Read'];
const LOGIN = '.credentials.json';
/** A provider that is down is found out soon; the runner has fallbacks. */
const RETRIES = '2';

/** Claude Code without a person: configuration of this run only, nothing of the folder it works in. */
export const claudeCode: HostPort = {
  kind: 'claude-code',
  stream: claudeCodeStream,

  async launch(input: LaunchInput): Promise<Launch> {
    const { folder, choice, changes } = input;
    const config = join(folder, 'config');
    const servers = join(folder, 'mcp.json');
    const settings = join(folder, 'settings.json');
    const hooks = await hooksOf(input, { onFailure: 'block' });
    await mkdir(config, { recursive: true, mode: 0o700 });
    await writeFile(servers, serversOf(input), { mode: 0o600 });
    await writeFile(settings, JSON.stringify({ hooks, disableAllHooks: false }), { mode: 0o600 });
    const tools = changes ? CHANGES : READS;
    const args = [
      ...['-p', input.prompt, '--output-format', 'stream-json', '--verbose', '--no-session-persistence'],
      ...['--setting-sources', 'user', '--strict-mcp-config', '--mcp-config', servers],
      ...['--settings', settings],
      ...['--permission-mode', 'dontAsk', '--tools', tools.join(',')],
      ...['--allowedTools', [...tools, `mcp__${SERVER}`].join(',')],
      ...(choice.model ? ['--model', choice.model] : []),
      ...(input.words ? ['--append-system-prompt', input.words] : []),
    ];
    return {
      command: choice.host.command ?? 'claude',
      args,
      env: await environment(input, config),
      cwd: input.cwd,
    };
  },
};

const serversOf = ({ url, token }: LaunchInput) => {
  const server = { type: 'http', url, headers: { Authorization: `Bearer ${token}` }, alwaysLoad: true };
  return JSON.stringify({ mcpServers: { [SERVER]: server } });
};

async function environment(input: LaunchInput, config: string): Promise<Record<string, string>> {
  const { endpoint, key_env } = input.choice.host;
  const env = await scrubbed(input, endpoint ? [] : PROVIDER);
  const key = key_env && env[key_env];
  if (key_env) delete env[key_env];
  if (!endpoint && !key) await shareLogin(input.env, `.claude/${LOGIN}`, join(config, LOGIN));
  return {
    ...env,
    ...(endpoint && { ANTHROPIC_BASE_URL: endpoint }),
    ...(key && { ANTHROPIC_AUTH_TOKEN: key }),
    CLAUDE_CONFIG_DIR: config,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_MAX_RETRIES: RETRIES,
    DISABLE_AUTOUPDATER: '1',
  };
}
