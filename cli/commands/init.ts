import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { applyFirstDefinition, enrol, PRESETS, writeDefinition } from '../../servers/core/factory/create.ts';
import { type DefinitionFiles, parseDefinition } from '../../servers/core/factory/parse.ts';
import { exists } from '../../servers/core/files.ts';
import { createAuthority, openAuthority } from '../../servers/core/git/authority.ts';
import { bindStore } from '../../servers/core/home.ts';
import { openServices } from '../../servers/core/open.ts';
import { type FactoryPaths, factoryPaths } from '../../servers/core/paths.ts';
import type { Services } from '../../servers/core/services.ts';
import { formatPublicKey } from '../../servers/core/signing/sshsig.ts';
import { PACKAGE_ROOT } from '../../servers/core/version.ts';
import { sowLessons } from '../../servers/memory/seeds.ts';
import { type Written, writeClaudeMd } from '../claude_md/write.ts';
import { definitionAt } from '../definition.ts';
import { homeOf, isFactory, listFactories, NAME, productFile, productOf } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { makeFolder } from '../folder.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { claudeCodeEntry, codex } from '../host_config.ts';
import { type HostOptions, previewHosts, removeHosts, setUpHosts } from '../hosts/init.ts';
import { hostsOf } from '../hosts/setup.ts';
import { type Io, type Result, shown } from '../io.ts';
import { addFactoryRemote, hasChanges, headOf, type OwnRepository, ownRepository } from '../repository.ts';
import { detectStack, type Stack } from '../stack.ts';

interface InitOptions extends HostOptions {
  name?: string;
  rehearsal?: boolean;
  claudeMd?: boolean;
}

export function init(program: Command): void {
  const command = program
    .command('init')
    .description(
      `make a factory for the repository you are in; --factory takes ${PRESETS.join(', ')} or a file (default solo)`,
    )
    .option('--name <name>', "the factory's name; else that of the repository's folder")
    .option(
      '--claude-md',
      'also write a CLAUDE.md for the repository, where it has neither that nor AGENTS.md',
    )
    .option('--host <host>', 'also set up claude-code, codex or both for this repository; again to update')
    .option('--as <role>', "with --host: the role of the host's main session; else the factory's lead")
    .option('--dry-run', 'with --host: show what would change, and write nothing')
    .option('--remove', 'with --host: take out of the hosts what --host wrote')
    .action(handled<InitOptions>(run));
  command.addOption(command.createOption('--rehearsal', 'a factory that no person stands behind').hideHelp());
}

async function run(io: Io, options: InitOptions & GlobalOptions): Promise<Result> {
  checkHostOptions(options);
  const repository = await ownRepository(process.cwd());
  const home = homeOf(options);
  if (home === repository.root || home.startsWith(`${repository.root}/`)) {
    throw new CommandError(
      'HOME_INSIDE',
      `The factory's state would lie in the repository (${home}).`,
      'Name a folder outside of it with --home.',
      EXIT.usage,
    );
  }
  const name = await nameFor(repository, home, options.name);
  const paths = factoryPaths(join(home, name));
  const isNew = !(await isFactory(paths.home));
  if (options.remove || options.dryRun) {
    const definition = await definitionFor(paths, isNew, options.factory, name);
    return (options.dryRun ? previewHosts : removeHosts)({ definition, paths, repository }, options);
  }
  const head = await headOf(repository);
  const files = named((await definitionAt(options.factory ?? 'solo')).files, name);
  parseDefinition(files);
  await makeFolder(paths.home, '--home');
  const stack = await detectStack(repository.root);
  if (isNew) await authority(paths, repository, head);

  const services = await openServices(paths.home, { databaseUrl: process.env.DATABASE_URL });
  try {
    if (isNew) {
      await applyFirstDefinition(
        services,
        smokeFor(files, stack),
        options.rehearsal ? 'rehearsal' : 'initial',
      );
      await writeFile(productFile(paths), `${JSON.stringify({ repository: repository.root }, null, 2)}\n`);
    }
    const enrolments = await enrolAgents(services);
    const key = await publishKey(services);
    await bindStore(services);
    await sowLessons(services.store, services.clock.now());
    const { gitDir: mainline } = await openAuthority(paths.git);
    const remote = await addFactoryRemote(repository, mainline);
    // Written last: the folder counts as a factory once this file is there, so a crash before it starts anew.
    if (isNew) await writeDefinition(paths.home, smokeFor(files, stack));
    if (isNew && (await hasChanges(repository))) {
      io.progress('Uncommitted changes are not part of the factory: mainline starts from your last commit.');
    }
    const claudeMd = options.claudeMd ? await writeClaudeMd(repository.root, name) : undefined;
    const definition = await services.factory();
    const hosts = options.host ? await setUpHosts({ definition, paths, repository }, options) : undefined;
    if (hosts && PACKAGE_ROOT.includes('/_npx/')) {
      io.progress(
        'Millwright runs from a cache of npm, which hosts now name. Install it and run this again.',
      );
    }
    return await report(
      { name, home: paths.home, mainline, isNew, head, stack, remote, key, enrolments, claudeMd, hosts },
      services,
    );
  } finally {
    await services.close();
  }
}

function checkHostOptions({ host, as, dryRun, remove }: HostOptions): void {
  if (host !== undefined) return void hostsOf(host);
  if (as === undefined && !dryRun && !remove) return;
  throw new CommandError(
    'HOST',
    '--as, --dry-run and --remove say how a host is set up, and none is named.',
    'Give --host claude-code, codex or both.',
    EXIT.usage,
  );
}

/** The definition in force, or the one that a new factory would begin with. */
async function definitionFor(paths: FactoryPaths, isNew: boolean, preset: string | undefined, name: string) {
  if (isNew) return parseDefinition(named((await definitionAt(preset ?? 'solo')).files, name));
  const services = await openServices(paths.home, { databaseUrl: process.env.DATABASE_URL });
  try {
    return await services.factory();
  } finally {
    await services.close();
  }
}

/** A second `init` in the same repository is about the same factory, whatever the folder is called now. */
async function nameFor(repository: OwnRepository, home: string, given: string | undefined): Promise<string> {
  for (const known of await listFactories(home)) {
    const product = await productOf(factoryPaths(join(home, known)));
    const isOurs = product?.repository === repository.root;
    if (isOurs && (given === undefined || given === known)) return known;
    if (!isOurs && given === known) {
      throw new CommandError(
        'EXISTS',
        `There is a factory "${known}" already, for ${product?.repository ?? 'another product'}.`,
        'Choose another --name.',
      );
    }
  }
  const folder = basename(repository.root)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-$/g, '');
  const name = given ?? (folder.slice(0, 40) || 'factory');
  if (NAME.test(name)) return name;
  throw new CommandError(
    'NAME',
    `"${shown(name)}" is no name of a factory.`,
    'Use lower case letters, digits and dashes.',
    EXIT.usage,
  );
}

const named = (files: DefinitionFiles, name: string): DefinitionFiles => ({
  ...files,
  'factory.yaml': (files['factory.yaml'] ?? '').replace(/^factory:.*$/m, `factory: ${name}`),
});

/** The repository's own test command in place of the preset's; a file of the person's own stays as it is. */
function smokeFor(files: DefinitionFiles, { test }: Stack): DefinitionFiles {
  const text = files['factory.yaml'] ?? '';
  if (!test) return files;
  const preset = /^( +)command: \[node, --run, test\]$/m;
  return { ...files, 'factory.yaml': text.replace(preset, `$1command: [${test.join(', ')}]`) };
}

/** A crash may have left the authority without the rest; it then keeps the commit it started from. */
async function authority(paths: FactoryPaths, repository: OwnRepository, commit: string): Promise<void> {
  await createAuthority(paths.git, { seed: { path: repository.root, commit } }).catch((error) => {
    if (error.rule === 'git.not-a-clone') throw notPlain();
    if (error.rule !== 'git.exists') throw error;
  });
}

const notPlain = () =>
  new CommandError(
    'NOT_PLAIN',
    'This repository borrows from another one (a worktree, a submodule, or shared objects).',
    'Run `millwright init` in a plain clone of it.',
    EXIT.notSetUp,
  );

/** Gives every agent that has none an enrolment; those that hosts use already stay valid. */
async function enrolAgents(services: Services): Promise<Record<string, string>> {
  const { factory } = await services.factory();
  const paths: Record<string, string> = {};
  for (const agent of Object.values(factory.roles).flatMap((role) => role.agents)) {
    const file = join(services.paths.enrolments, `${agent}.json`);
    paths[agent] = (await exists(file)) ? file : await enrol(services, agent);
  }
  return paths;
}

/** The public half of the factory's key in a file of its own, to be pinned elsewhere. */
async function publishKey(services: Services): Promise<{ file: string; id: string }> {
  const { publicKey, keyId } = await services.key();
  const file = join(services.paths.home, 'factory_key.pub');
  await writeFile(file, `${formatPublicKey(publicKey)}\n`);
  return { file, id: keyId };
}

interface Made {
  name: string;
  home: string;
  mainline: string;
  isNew: boolean;
  head: string;
  stack: Stack;
  remote: boolean;
  key: { file: string; id: string };
  enrolments: Record<string, string>;
  claudeMd: Written | undefined;
  hosts: Awaited<ReturnType<typeof setUpHosts>> | undefined;
}

async function report(made: Made, services: Services): Promise<Result> {
  const { name, home, mainline, isNew, head, stack, remote, key, enrolments, claudeMd, hosts } = made;
  const { factory } = await services.factory();
  const lead = factory.roles[factory.lead]?.agents[0] ?? '';
  const leadEnrolment = enrolments[lead] ?? '';
  const command = factory.gates.smoke.command;
  const smoke = stack.test
    ? `The smoke gate closes when \`${(command ?? []).join(' ')}\` passes in a clean checkout.`
    : 'No tests were found. The smoke gate stays open, and nothing merges, until the repository has a test command (package.json: scripts.test).';
  const mcpServers = Object.fromEntries(
    Object.entries(enrolments).map(([agent, file]) => [`millwright-${agent}`, claudeCodeEntry(file)]),
  );
  const next = ['millwright human add NAME', 'millwright doctor', 'millwright status'];
  return {
    value: {
      factory: name,
      created: isNew,
      home,
      mainline,
      head,
      stack: stack.name,
      signs: stack.signs,
      smoke: { command: command ?? null, tests: stack.test !== undefined, says: smoke },
      remote: remote ? 'factory' : null,
      key,
      enrolments,
      mcpServers,
      ...(claudeMd && { claudeMd: { file: claudeMd.file ?? null, open: claudeMd.open } }),
      ...(hosts && { hosts }),
      next,
    },
    text: [
      `${isNew ? 'Made' : 'Updated'} factory ${name} in ${home}`,
      `Stack     ${stack.signs.join(', ') || 'not recognised'}`,
      `Smoke     ${smoke}`,
      `Mainline  ${mainline} (${remote ? 'remote `factory`' : 'the remote name `factory` is taken; add it under another'})`,
      `Key       ${key.id} (${key.file}); keep a copy elsewhere to verify gates offline`,
      `Agents    ${Object.keys(enrolments).join(', ')}`,
      ...(claudeMd ? [`CLAUDE.md ${claudeMd.says}`] : []),
      '',
      'Next, at your own terminal:',
      '  millwright human add NAME      so that decisions can be signed',
      '  millwright doctor              what this machine lacks',
      ...(hosts ? hostLines(hosts) : configLines(lead, leadEnrolment)),
    ].join('\n'),
  };
}

const hostLines = ({ files, instructions, hosts, next }: NonNullable<Made['hosts']>) => [
  `  millwright doctor --host ${hosts.length > 1 ? 'both' : hosts[0]}`.padEnd(33) +
    'whether your host is held',
  ...next.map((step) => `  ${step}`),
  '',
  'For your hosts:',
  ...files.map(({ path, change }) => `  ${change.padEnd(8)} ${path}`),
  `  ${instructions.says}`,
];

/** For hosts that a person sets up by hand. */
const configLines = (lead: string, enrolment: string) => [
  '  millwright init --host both    set up Claude Code and Codex; or by hand, as below',
  '',
  `Claude Code, as ${lead} (for another agent name its enrolment); .mcp.json:`,
  indent(JSON.stringify({ mcpServers: { millwright: claudeCodeEntry(enrolment) } }, null, 2)),
  `Codex, as ${lead}:`,
  `  ${codex(lead, enrolment)}`,
];

const indent = (text: string) => text.replace(/^/gm, '  ');
