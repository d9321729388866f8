import { appendFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { hostBinary } from './binaries.ts';
import type { Person } from './isolated.ts';

interface Hook {
  key: string;
  currentHash: string;
}

/** Trusts a project's hooks as they are now, as a person does with `/hooks`: by what Codex itself says they are. */
export async function trustCodexHooks(person: Person, repository: string): Promise<void> {
  const server = execa(await hostBinary('codex'), ['app-server'], {
    cwd: repository,
    env: person.env,
    extendEnv: false,
    reject: false,
    stderr: 'ignore',
  });
  const say = (message: object) => server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  say({ id: 1, method: 'initialize', params: { clientInfo: { name: 'test', version: '1' } } });
  let hooks: Hook[] = [];
  for await (const line of createInterface({ input: server.stdout })) {
    const { id, result } = JSON.parse(line);
    if (id === 1) {
      say({ method: 'initialized' });
      say({ id: 2, method: 'hooks/list', params: { cwds: [repository] } });
    }
    if (id !== 2) continue;
    hooks = result.data[0].hooks;
    break;
  }
  server.stdin.end();
  server.kill();
  await server;
  const states = hooks.map(
    ({ key, currentHash }) => `\n[hooks.state.${JSON.stringify(key)}]\ntrusted_hash = "${currentHash}"\n`,
  );
  await appendFile(`${person.codexHome}/config.toml`, states.join(''));
}
