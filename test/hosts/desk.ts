import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { openServices } from '../../servers/core/open.ts';
import type { Services } from '../../servers/core/services.ts';
import { LAUNCHER } from '../cli/command.ts';
import type { HostName } from './binaries.ts';
import { newPerson, type Person, runHost } from './isolated.ts';
import { type ModelStub, startModelStub } from './model_stub.ts';
import { type Block, plan, type Script, type ToolResult } from './plan.ts';
import { resultsIn } from './results.ts';

/** A person with a repository, a factory `shop` of a preset, and both hosts set up by `init`. */
export interface HostDesk {
  readonly model: ModelStub;
  readonly person: Person;
  readonly repository: string;
  /** The folder of the factory's state. */
  readonly state: string;
  millwright(
    args: readonly string[],
    path?: string,
  ): Promise<{ exit: number; stdout: string; stderr: string }>;
  /** Plays turns of the model in Claude Code's main session. */
  claude(
    host: HostName,
    turns: (Block | Block[])[],
    args?: readonly string[],
    env?: Record<string, string>,
  ): Promise<ClaudeRun>;
  /** Plays turns of the model in Codex's main session; answers with the events it printed. */
  codex(turns: (Block | Block[])[], env?: Record<string, string>): Promise<string>;
  withStore<T>(work: (services: Services) => Promise<T>): Promise<T>;
  /** The record since an activity number, oldest first. */
  record(after?: number): Promise<Entry[]>;
  /** Results of the tools that the model called, as the host gave them to it, since the last run began. */
  results(): ToolResult[];
  close(): Promise<void>;
}

export interface Entry {
  seq: number;
  agent: string;
  role: string;
  event: string;
  tool: string;
  subject: string;
  rule: string;
}

export interface ClaudeRun {
  /** What the model said at the end: `DONE` and the results of its last calls. */
  result: string;
  stdout: string;
  stderr: string;
}

/** Opens a desk. The person trusts the repository in both hosts, as they would in the first dialog. */
export async function openHostDesk(preset = 'solo', script?: Script): Promise<HostDesk> {
  const model = await startModelStub(script);
  const person = await newPerson(model);
  const repository = join(person.home, 'shop');
  const state = join(person.home, '.millwright', 'shop');
  const git = (args: readonly string[]) =>
    execa('git', ['-c', 'user.name=owner', '-c', 'user.email=owner@shop.invalid', ...args], {
      cwd: repository,
    });
  await mkdir(join(repository, 'test'), { recursive: true });
  await writeFile(join(repository, 'package.json'), '{"name":"shop","scripts":{"test":"node --test"}}\n');
  await git(['init', '-q', '-b', 'main']);
  await git(['add', '-A']);
  await git(['commit', '-q', '-m', 'Start']);
  const millwright: HostDesk['millwright'] = async (args, path = person.env.PATH) => {
    const { exitCode, stdout, stderr } = await execa(process.execPath, [LAUNCHER, ...args], {
      cwd: repository,
      env: { ...person.env, PATH: path ?? '' },
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      timeout: 180_000,
    });
    return { exit: exitCode ?? -1, stdout, stderr };
  };
  const made = await millwright(['init', '--factory', preset, '--host', 'both', '--rehearsal', '--json']);
  if (made.exit !== 0) throw new Error(made.stdout + made.stderr);
  await trust(person, repository);

  const withStore: HostDesk['withStore'] = async (work) => {
    const services = await openServices(state);
    try {
      return await work(services);
    } finally {
      await services.close();
    }
  };
  return {
    model,
    person,
    repository,
    state,
    millwright,
    withStore,
    async claude(host, turns, args = [], env = {}) {
      model.requests.length = 0;
      const { stdout, stderr } = await runHost(
        person,
        host,
        ['-p', plan(...turns), '--output-format', 'json', ...args],
        { cwd: repository, env },
      );
      return { result: resultIn(stdout), stdout, stderr };
    },
    async codex(turns, env = {}) {
      model.requests.length = 0;
      const args = [
        'exec',
        '--json',
        '-s',
        'danger-full-access',
        '-c',
        'approval_policy="never"',
        plan(...turns),
      ];
      return (await runHost(person, 'codex', args, { cwd: repository, env })).stdout;
    },
    record: (after = 0) =>
      withStore(({ store }) =>
        store.db
          .selectFrom('activity')
          .select(['seq', 'agent', 'role', 'event', 'tool', 'subject', 'rule'])
          .where('seq', '>', after)
          .orderBy('seq')
          .execute(),
      ),
    results: () => resultsIn(model.requests),
    async close() {
      await model.close();
      await person.remove();
    },
  };
}

function resultIn(stdout: string): string {
  try {
    return JSON.parse(stdout).result ?? stdout;
  } catch {
    return stdout;
  }
}

/** What the hosts note when a person accepts the folder in their dialogs. */
async function trust(person: Person, repository: string): Promise<void> {
  const claude = join(person.home, '.claude.json');
  const value = JSON.parse(await readFile(claude, 'utf8'));
  value.projects[repository].hasTrustDialogAccepted = true;
  await writeFile(claude, JSON.stringify(value));
  const codex = join(person.codexHome, 'config.toml');
  const text = await readFile(codex, 'utf8');
  await writeFile(codex, `${text}\n[projects.${JSON.stringify(repository)}]\ntrust_level = "trusted"\n`);
}
