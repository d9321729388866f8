import type { Command } from 'commander';
import type { Services } from '../../servers/core/services.ts';
import { type Census, censusFindings, censusValue, removeLeftovers, takeCensus } from '../census.ts';
import { type Finding, fault, note } from '../doctor/finding.ts';
import { checkHosts } from '../doctor/hosts.ts';
import { checkInstructions } from '../doctor/instructions.ts';
import { checkDisk, checkGit, checkNode, checkSandbox } from '../doctor/machine.ts';
import { checkMemory, checkMemoryFiles } from '../doctor/memory.ts';
import {
  checkDefinition,
  checkHumans,
  checkMainline,
  checkRecord,
  checkSecrets,
  checkStore,
  reapTargets,
} from '../doctor/state.ts';
import { checkTier } from '../doctor/tier.ts';
import { tokensOfRoles } from '../doctor/tokens.ts';
import { findFactory, productOf, withFactory } from '../factories.ts';
import { CommandError, EXIT, type ExitCode, explain } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { type Host, hostsOf } from '../hosts/setup.ts';
import { bad, good, type Result, shown } from '../io.ts';

export function doctor(program: Command): void {
  program
    .command('doctor')
    .description('find what is wrong with this machine and this factory, and for each fault the way out')
    .option('--reap', "first end this factory's local runtime and what a dead one left")
    .option('--clean', 'first end and remove what dead processes and ended sessions of this factory left')
    .option('--host <host>', 'also drive claude-code, codex or both for real, headless, by a scripted model')
    .option('--tokens', 'instead: what each role pays for its brief and its tools, in tokens')
    .action(handled<Options>(examine));
}

interface Options {
  reap?: boolean;
  clean?: boolean;
  host?: string;
  tokens?: boolean;
}

async function examine(_io: unknown, options: GlobalOptions & Options): Promise<Result> {
  if (options.tokens) return withFactory(options, tokensOfRoles);
  const hosts = options.host === undefined ? [] : hostsOf(options.host);
  if (options.reap) await reapTargets(await findFactory(options));
  const machine = [checkNode(), await checkGit()];
  const { findings: ofFactory, census } = await examineFactory(options, hosts);
  const findings = [...machine, ...ofFactory];
  const exits = findings.map((finding) => (finding.state === 'fault' ? finding.exit : EXIT.ok));
  const exit = Math.max(...exits) as ExitCode;
  const faults = findings.filter(({ state }) => state === 'fault').length;
  const failure = {
    code: 'FAULTS',
    message: `${faults} ${faults === 1 ? 'fault' : 'faults'} found.`,
    remedy: 'Do what stands beside each fault, then run `millwright doctor` again.',
  };
  return {
    value: {
      findings: findings.map(({ check, state, says, ...more }) => ({
        check,
        state,
        says,
        ...('remedy' in more && { remedy: more.remedy }),
      })),
      ...(census && { census: censusValue(census) }),
    },
    text: [...findings.map(line), '', faults === 0 ? good('No fault found.') : failure.message].join('\n'),
    exit,
    ...(faults > 0 && { failure }),
  };
}

/** `census` is undefined when there is no factory, or what runs for it cannot be told. */
interface Examined {
  findings: Finding[];
  census?: Census;
}

async function examineFactory(options: GlobalOptions & Options, hosts: readonly Host[]): Promise<Examined> {
  try {
    await findFactory(options);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const isAsked = options.factory !== undefined;
    const none = isAsked
      ? fault('factory', error.message, error.remedy, EXIT.notSetUp)
      : note('factory', error.message, error.remedy);
    return { findings: [none, ...(await attempt('sandbox', () => checkSandbox('none')))] };
  }
  try {
    return await withFactory(options, async (services) => {
      const { findings, census } = await examineOpen(services, options.clean === true);
      const ofHosts =
        hosts.length > 0 ? await attempt('hosts', () => checkHosts(services, options, hosts)) : [];
      return { findings: [...findings, ...ofHosts], ...(census && { census }) };
    });
  } catch (error) {
    const { message, remedy, exit } = explain(error);
    return { findings: [fault('store', message, remedy, exit)] };
  }
}

async function examineOpen(services: Services, clean: boolean): Promise<Examined> {
  let census: Census | undefined;
  const count = async () => {
    if (clean) await removeLeftovers(await takeCensus(services));
    census = await takeCensus(services);
    return censusFindings(census);
  };
  const checks: [string, () => Promise<Finding | Finding[]>][] = [
    ['store', () => checkStore(services)],
    ['record', () => checkRecord(services)],
    ['definition', () => checkDefinition(services)],
    ['humans', () => checkHumans(services)],
    ['mainline', () => checkMainline(services)],
    ['secrets', () => checkSecrets(services)],
    ['sandbox', async () => checkSandbox((await services.factory()).factory.isolation)],
    ['tier', () => checkTier(services)],
    ['processes', count],
    ['memory', () => checkMemory(services)],
    ['MEMORY.md', () => checkMemoryFiles(services)],
    ['CLAUDE.md', async () => checkInstructions(await productOf(services.paths))],
    ['disk', () => checkDisk(services.paths.home)],
  ];
  const findings: Finding[] = [];
  for (const [name, run] of checks) findings.push(...(await attempt(name, run)));
  return { findings, ...(census && { census }) };
}

/** A check that cannot be made is itself a fault, and keeps no other from being made. */
async function attempt(check: string, run: () => Promise<Finding | Finding[]>): Promise<Finding[]> {
  try {
    return [await run()].flat();
  } catch (error) {
    const { message, remedy, exit } = explain(error);
    return [fault(check, message, remedy, exit)];
  }
}

function line(finding: Finding): string {
  const mark = { ok: good('ok   '), note: 'note ', fault: bad('FAULT') }[finding.state];
  const remedy = 'remedy' in finding ? `\n      ${shown(finding.remedy)}` : '';
  return `${mark} ${finding.check.padEnd(10)} ${shown(finding.says)}${remedy}`;
}
