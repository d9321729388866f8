import { realpath } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { withCleanCheckout } from '../../servers/core/clean_run.ts';
import { ToolError } from '../../servers/core/errors.ts';
import { openAuthority } from '../../servers/core/git/authority.ts';
import { folderCommit } from '../../servers/core/git/folder_commit.ts';
import { GitRefusal } from '../../servers/core/git/git.ts';
import { takeIn } from '../../servers/core/git/intake.ts';
import { append } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import { sha256Hex } from '../../servers/core/signing/canonical.ts';
import { infrastructureText, readConfigText } from '../../servers/core/target/checkout_files.ts';
import { TARGETS } from '../../servers/core/target/names.ts';
import { NO_BUILD } from '../../servers/core/target/project_build.ts';
import type { WorkerConfig } from '../../servers/core/target/target.ts';
import { readWorkerConfig } from '../../servers/core/target/worker_config.ts';
import { bundleOf } from '../../servers/deploy/cut.ts';
import { withFleet } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import type { Io, Result } from '../io.ts';
import { knownHumans, printedText, type SigningOptions, verifiedSignature } from '../people.ts';
import { atTerminal } from '../prompt.ts';
import { hasChanges, headOf, ownRepository } from '../repository.ts';
import { type GateState, gatesOn } from '../ship/gates.ts';
import { applyFor, infraText, planFor, writeInfra } from '../ship/infrastructure.ts';
import { withLog } from '../ship/log.ts';
import { releaseCommit } from '../ship/release.ts';

/** SSHSIG namespace of a person's signature over what is shipped; no other signature of theirs ships. */
const SHIP_NAMESPACE = 'millwright-ship';

interface ShipOptions extends SigningOptions {
  target: string;
  yes?: boolean;
  build?: string;
  accept?: string[];
  verbose?: boolean;
}

export function ship(program: Command): void {
  program
    .command('ship <dir>')
    .description(
      'ship the Workers product in a folder: reads its config, runs the gates on its commit, shows the plan, and after your signature applies it and releases step by step',
    )
    .option('--target <name>', `where to: ${TARGETS.join(', ')}`, 'local')
    .option('--build <script>', 'the script of package.json that makes what is shipped, or none')
    .option('--yes', 'there is nobody to ask; your signature comes by --signature')
    .option('--accept <gate...>', 'ship although this gate is open; your signature says so')
    .option('--verbose', 'show all that the build and the jobs say')
    .option('--human <name>', 'who signs')
    .option('--print', 'print the text to sign, and nothing else')
    .option('--signature <file>', 'a signature of that text, made elsewhere')
    .action(handled<ShipOptions>(run));
}

async function run(io: Io, options: ShipOptions & GlobalOptions, dir = '.'): Promise<Result> {
  if (!(TARGETS as readonly string[]).includes(options.target)) {
    throw new CommandError(
      'TARGET',
      'There is no such target.',
      `Name one of ${TARGETS.join(', ')}.`,
      EXIT.usage,
    );
  }
  const said: string[] = [];
  const ship = async (services: Services) => {
    try {
      return await shipFolder(io, services, resolve(dir), options);
    } catch (error) {
      const known = error instanceof ToolError || error instanceof GitRefusal;
      if (known && error.cause instanceof Error) said.push(error.cause.message);
      throw await withLog(services.paths.home, said, known ? inWordsForAPerson(error) : error);
    }
  };
  const goesOn = 'Ship the same commit again, or run `millwright releases resume`.';
  const log = (line: string) => (options.verbose ? io.progress(line) : void said.push(line));
  return withFleet(options, { goesOn, log }, ship);
}

async function shipFolder(io: Io, services: Services, dir: string, options: ShipOptions): Promise<Result> {
  await knownHumans(services);
  const place = await realpath(dir).catch(() => {
    throw new CommandError(
      'NO_FOLDER',
      `There is no folder ${dir}.`,
      'Name the folder of a product.',
      EXIT.usage,
    );
  });
  const { head, folder, commit } = await takeFolder(io, services, place);
  const { config, infra } = await withCleanCheckout(services, commit, async (checkout) => ({
    config: readWorkerConfig(await readConfigText(checkout.folder)).config,
    infra: await infrastructureText(checkout.folder),
  }));
  const { target } = options;
  const wrote = infra === undefined && (await writeInfra(place, infraText(config, target)));
  if (wrote) io.progress('infra.yaml was written into the folder; commit it with your next change.');
  io.progress('the gates run');
  const gates = await gatesOn(services, commit);
  for (const { gate, closed, why } of gates) io.progress(`${closed ? 'closed' : 'OPEN  '} ${gate}: ${why}`);
  refuseOpen(gates, options.accept ?? []);
  const planned = await planFor(services, { config, target, infra });
  io.progress('building in the sandbox');
  const { digest: bundle, build } = await bundleOf(services, commit, options.build);
  io.progress(`build: ${build ?? NO_BUILD}`);
  const text = shipText(services, { head, folder, build, bundle, config, target, gates, planned });
  if (options.print) return printedText(io, text, SHIP_NAMESPACE);
  if (!options.yes && !atTerminal() && options.signature === undefined) {
    throw new CommandError('NO_TERMINAL', 'Nobody is there to ask.', 'Sign with --yes and --signature FILE.');
  }
  const { human, signature } = await verifiedSignature(io, services, {
    text,
    namespace: SHIP_NAMESPACE,
    options,
  });
  await recordSignature(services, {
    name: human.name,
    assurance: human.assurance,
    signature,
    text,
    commit: head,
  });
  const plan = await applyFor(services, planned, { human, signature });
  for (const line of planned.lines) io.progress(line);
  const shipped = await releaseCommit(io, services, {
    product: config.name,
    target,
    commit,
    bundle,
    build: options.build,
    plan,
  });
  const of = { product: config.name, commit: head, ...(folder !== '' && { folder }), build };
  return resultOf(of, gates, planned.lines, shipped, wayOut(config));
}

/** Takes the commit of a person's repository in; for a folder below its root, `commit` is one of that folder alone. */
async function takeFolder(io: Io, services: Services, place: string) {
  const repository = await ownRepository(place);
  const head = await headOf(repository);
  if (await hasChanges(repository)) io.progress('What is not committed is not shipped.');
  const authority = await openAuthority(services.paths.git);
  await takeIn(authority, { clone: repository.root, commit: head, ref: `refs/adopt/${head}` });
  const folder = relative(repository.root, place);
  const commit = folder === '' ? head : await folderCommit(authority, head, folder);
  if (commit !== undefined) return { head, folder, commit };
  throw new CommandError(
    'NO_COMMIT',
    `The commit has no folder ${JSON.stringify(folder)}.`,
    'Commit the folder, then ship it.',
  );
}

function resultOf(
  of: { product: string; commit: string; build: string | null },
  gates: GateState[],
  changes: string[],
  shipped: Awaited<ReturnType<typeof releaseCommit>>,
  more: string,
): Result {
  const live = shipped.state === 'live';
  const { release, state, url, why, serves, fix } = shipped;
  const value = { ...of, release, state, url, why, serves, gates, changes, ...(fix && { fix }) };
  if (live) return { value, text: `${of.product} is live at ${url} (${release}).` };
  const failure = {
    code: 'NOT_HEALTHY',
    message: `${release} did not get through ${why}`,
    remedy: `What was served before still is; ${fix ?? 'a task'} holds the evidence. ${more}Correct it, commit and ship again.`,
  };
  return { value, text: `${failure.message}\n${failure.remedy}`, exit: EXIT.failed, failure };
}

/** What may be the matter with a Worker that is called by other than requests. */
const wayOut = ({ crons, queues }: WorkerConfig) =>
  crons.length + queues.consumers.length > 0
    ? 'A Worker with crons or queues needs a fetch handler that answers, too: by that its health is seen. '
    : '';

function refuseOpen(gates: readonly GateState[], accepted: readonly string[]): void {
  const open = gates.filter(({ gate, closed }) => !closed && !accepted.includes(gate));
  if (open.length === 0) return;
  const [first] = open;
  throw new CommandError(
    'GATE_OPEN',
    `Open: ${open.map(({ gate }) => gate).join(', ')}; ${first?.gate}: ${first?.why}`,
    `Correct it and commit, or take it on yourself with --accept ${open.map(({ gate }) => gate).join(' ')}.`,
  );
}

/** What a person signs to have a commit shipped: the commit, each gate, and all that is done for it. */
function shipText(
  { paths }: Services,
  shown: {
    head: string;
    folder: string;
    build: string | null;
    bundle: string;
    config: WorkerConfig;
    target: string;
    gates: GateState[];
    planned: { digest: string; lines: string[] };
  },
): string {
  const { head, folder, build, bundle, config, target, gates, planned } = shown;
  return [
    'Millwright ship',
    `factory: ${paths.home.split('/').at(-1)}`,
    `product: ${config.name}`,
    `target: ${target}`,
    `commit: ${head}`,
    ...(folder === '' ? [] : [`folder: ${JSON.stringify(folder)}`]),
    `build: ${build === null ? NO_BUILD : JSON.stringify(build)}`,
    `bundle: sha256:${bundle}`,
    `plan: sha256:${planned.digest}`,
    ...planned.lines.map((line) => `- ${line}`),
    ...gates.map(({ gate, closed }) => `gate ${gate}: ${closed ? 'closed' : 'OPEN, and accepted'}`),
    '',
  ].join('\n');
}

/** The signature enters the record before anything is made. */
const recordSignature = (
  { store, clock }: Services,
  signed: { name: string; assurance: string; signature: string; text: string; commit: string },
) =>
  store.transaction((tx) =>
    append(store, tx, {
      at: clock.now(),
      session: `human:${signed.name}`,
      agent: 'human',
      role: 'human',
      event: 'ship.signed',
      subject: `commit:${signed.commit}`,
      body: {
        text: signed.text,
        digest: sha256Hex(signed.text),
        signature: signed.signature,
        assurance: signed.assurance,
      },
    }),
  );

/** The remedies of the servers speak to agents and name their tools; a person corrects, commits and ships again. */
function inWordsForAPerson(error: ToolError | GitRefusal): CommandError {
  const code = error instanceof ToolError ? error.code : 'REFUSED';
  return new CommandError(code, error.message, 'Correct it, commit and ship again.');
}
