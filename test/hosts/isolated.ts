import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type HostName, hostBinary } from './binaries.ts';
import type { ModelStub } from './model_stub.ts';

const RUN_MS = 150_000;

/** A person of the test's own: an empty home, no credentials, and the scripted model as the only provider. */
export interface Person {
  readonly home: string;
  readonly codexHome: string;
  /** The whole environment of what this person starts. */
  readonly env: Record<string, string>;
  remove(): Promise<void>;
}

/** Makes a person whose hosts speak to `model`. Codex finds it through its own config.toml. */
export async function newPerson(model: ModelStub): Promise<Person> {
  const home = await mkdtemp(join(tmpdir(), 'person-'));
  const codexHome = join(home, '.codex');
  await mkdir(codexHome);
  await writeFile(join(codexHome, 'config.toml'), codexProvider(model.url));
  return {
    home,
    codexHome,
    env: {
      HOME: home,
      PATH: process.env.PATH ?? '',
      TMPDIR: process.env.TMPDIR ?? tmpdir(),
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: 'sk-ant-scripted',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
      CODEX_HOME: codexHome,
      SCRIPTED_KEY: 'scripted',
    },
    remove: () => rm(home, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** The lines of config.toml that make the scripted model Codex's only provider. */
function codexProvider(url: string): string {
  return `model = "gpt-5.4"
model_provider = "scripted"

[model_providers.scripted]
name = "scripted"
base_url = "${url}/v1"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
request_max_retries = 0
stream_max_retries = 0
`;
}

/** Runs a host as this person, without a terminal; answers with all it printed, whatever its exit code. */
export async function runHost(
  person: Person,
  host: HostName,
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
  const { exitCode, stdout, stderr } = await execa(await hostBinary(host), args, {
    cwd: options.cwd,
    env: { ...person.env, ...options.env },
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    timeout: RUN_MS,
  });
  return { exitCode, stdout, stderr };
}
