import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOSTS, type HostName } from './binaries.ts';
import { newPerson, type Person, runHost } from './isolated.ts';
import { type ModelStub, startModelStub } from './model_stub.ts';
import { plan } from './plan.ts';

let model: ModelStub;
let person: Person;
beforeAll(async () => {
  model = await startModelStub();
  person = await newPerson(model);
});
afterAll(async () => {
  await model.close();
  await person.remove();
});

describe('the pinned hosts', () => {
  it.each(Object.keys(HOSTS) as HostName[])('%s is installed at its version', async (host) => {
    const { stdout } = await runHost(person, host, ['--version'], { cwd: person.home });
    expect(stdout).toContain(HOSTS[host]);
  });

  it.each(['claude-code', 'claude-code-older'] as const)('%s plays a plan of the prompt', async (host) => {
    const bash = { tool: 'Bash', input: { command: 'echo seen-$((40+2))', description: 'say' } };
    const args = ['-p', plan(bash), '--allowedTools', 'Bash', '--output-format', 'json'];
    const { stdout } = await runHost(person, host, args, { cwd: person.home });
    expect(JSON.parse(stdout).result).toBe('DONE seen-42');
  });

  it('codex plays a plan of the prompt', async () => {
    const call = { tool: 'exec_command', input: { cmd: 'echo seen-$((40+2))' } };
    const args = ['exec', '--json', '--skip-git-repo-check', '-s', 'danger-full-access', plan(call)];
    const { stdout } = await runHost(person, 'codex', args, { cwd: person.home });
    expect(stdout).toContain('seen-42');
    expect(model.requests.at(-1)?.api).toBe('openai');
  });
});
