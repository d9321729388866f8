import { execa } from 'execa';
import type { HostFactory } from '../../hosts/factory.ts';
import { guardPolicy } from '../../hosts/guard/policy.ts';
import type { Services } from '../../servers/core/services.ts';
import { findFactory, productOf } from '../factories.ts';
import { EXIT } from '../failures.ts';
import type { GlobalOptions } from '../handled.ts';
import { readText, realChanges } from '../hosts/changes.ts';
import { hostFactory } from '../hosts/host_factory.ts';
import { type Host, hostChanges, roleSetUp } from '../hosts/setup.ts';
import { ownRepository } from '../repository.ts';
import { checkClaudeCode } from './claude_code.ts';
import { checkCodex } from './codex.ts';
import { type Finding, fault, ok } from './finding.ts';

/** What the checks of one host are given. */
export interface HostCheck {
  readonly factory: HostFactory;
  readonly services: Services;
}

const GUARD_MS = 10_000;

/** Checks hosts for real: what they read, the guard, and a headless run of each with a scripted model on loopback. */
export async function checkHosts(
  services: Services,
  options: GlobalOptions,
  hosts: readonly Host[],
): Promise<Finding[]> {
  const product = await productOf(await findFactory(options));
  const repository = await ownRepository(product?.repository ?? process.cwd());
  const definition = await services.factory();
  const role = await roleSetUp(`${services.paths.home}/hosts/policy.json`);
  const factory = await hostFactory(definition, services.paths, repository.root, role);
  const changes = realChanges(await hostChanges(hosts, factory, definition, repository, false));
  const remedy = `Run \`millwright init --host ${hosts.length > 1 ? 'both' : hosts[0]}\`.`;
  const [first] = changes;
  const config = first
    ? fault('host files', `${first.path} is missing or not what this factory needs.`, remedy, EXIT.failed)
    : ok('host files', 'what hosts read is what this factory needs');
  if (first && (await readText(factory.policy)) === undefined) return [config];
  const check: HostCheck = { factory, services };
  const findings = [config, await checkGuard(factory)];
  if (hosts.includes('claude-code')) findings.push(...(await checkClaudeCode(check)));
  if (hosts.includes('codex')) findings.push(...(await checkCodex(check)));
  return findings;
}

/** Whether the guard denies what it must, lets the rest pass, and fails closed. */
async function checkGuard({ programs, policy, ...factory }: HostFactory): Promise<Finding> {
  const { node, guard } = programs;
  const ask = (input: string) =>
    execa(node, [guard, policy], { input, reject: false, timeout: GUARD_MS, extendEnv: false });
  const call = (command: string) =>
    ask(JSON.stringify({ tool_name: 'Bash', tool_input: { command }, cwd: factory.repository }));
  const [push, list, broken] = await Promise.all([call('git push'), call('ls'), ask('no JSON')]);
  const holds =
    push.stdout.includes('"deny"') && list.stdout === '' && list.exitCode === 0 && broken.exitCode === 2;
  if (holds)
    return ok(
      'guard',
      `denies, lets pass, and fails closed (${guardSize({ programs, policy, ...factory })})`,
    );
  const remedy = 'Install Millwright again, then run `millwright init --host …`.';
  return fault('guard', 'The guard does not decide as it must.', remedy, EXIT.failed);
}

const guardSize = (factory: HostFactory) => {
  const agents = Object.keys(guardPolicy(factory).agents).length;
  return `${agents} ${agents === 1 ? 'agent' : 'agents'}`;
};
