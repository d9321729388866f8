import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { type Desk, openDesk, PASSPHRASE } from '../cli/command.ts';
import { hostBinary } from './binaries.ts';
import { PRODUCT } from './mill.ts';
import type { ModelStub } from './model_stub.ts';

/**
 * A desk with a factory whose developer runs on Codex and all others on Claude Code, with a human `owner`; and the
 * environment by which its hosts reach the model.
 *
 * @param pipelines pipelines of the factory's own, by name
 */
export async function openLine(
  model: ModelStub,
  pipelines: Readonly<Record<string, object>> = {},
): Promise<{ desk: Desk; env: Record<string, string> }> {
  const desk = await openDesk();
  for (const { path, content } of PRODUCT) {
    await mkdir(dirname(join(desk.repository, path)), { recursive: true });
    await writeFile(join(desk.repository, path), content);
  }
  await desk.git(['add', '-A']);
  await desk.git(['commit', '-q', '-m', 'The product']);
  const shipped = await readDefinition('solo');
  const factory = parse(shipped['factory.yaml'] ?? '');
  factory.memory.required = false;
  factory.lease.beat = 5;
  factory.roles.developer = { ...factory.roles.developer, host: 'codex', model: 'gpt-5.4' };
  factory.pipelines.push(...Object.keys(pipelines));
  factory.hosts = {
    'claude-code': { kind: 'claude-code', command: await hostBinary('claude-code') },
    codex: {
      kind: 'codex',
      command: await hostBinary('codex'),
      endpoint: `${model.url}/v1`,
      key_env: 'SCRIPTED_KEY',
    },
  };
  const file = join(desk.folder, 'factory.yaml');
  await mkdir(join(desk.folder, 'pipelines'));
  for (const [name, pipeline] of Object.entries(pipelines))
    await writeFile(
      join(desk.folder, 'pipelines', `${name}.yaml`),
      stringify({ pipeline: name, ...pipeline }),
    );
  await writeFile(file, stringify(factory));
  const made = await desk.run(['init', '--factory', file, '--name', 'shop', '--rehearsal'], {
    timeout: 100_000,
  });
  if (made.exit !== 0) throw new Error(made.stdout);
  const added = await desk.run(['human', 'add', 'owner', '--rehearsal'], { input: PASSPHRASE });
  if (added.exit !== 0) throw new Error(added.stdout);
  const env = {
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: 'sk-ant-scripted',
    SCRIPTED_KEY: 'scripted',
  };
  return { desk, env };
}
