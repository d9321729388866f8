import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { planId } from '../../servers/core/ids.ts';
import { readInfra } from '../../servers/core/infra_file.ts';
import type { Services } from '../../servers/core/services.ts';
import {
  applySigned,
  INFRA_NAMESPACE,
  keepSigned,
  planText,
  unfinished,
} from '../../servers/provision/by_human.ts';
import { desiredAt } from '../../servers/provision/desired.ts';
import { driftOf } from '../../servers/provision/drift.ts';
import { type Wanted, wantedBy } from '../../servers/provision/make_plan.ts';
import { changeLine, type PlanBody } from '../../servers/provision/plan.ts';
import { proposal } from '../../servers/provision/proposal.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { type Io, type Result, table } from '../io.ts';
import { printedText, type SigningOptions, verifiedSignature } from '../people.ts';

const LARGEST_FILE = 100_000;

interface PlanOptions {
  readonly file?: string;
  readonly commit?: string;
}

export function infra(program: Command): void {
  const group = program
    .command('infra')
    .description("a product's infrastructure, as its infra.yaml says: plan it, apply it, see what drifted");
  const source = (command: Command) =>
    command
      .option('--commit <id>', 'read infra.yaml of this commit instead of mainline')
      .option('--file <file>', 'read this file instead');
  source(group.command('plan'))
    .description('what would be made, adopted, changed and deleted; changes nothing')
    .action(handled<PlanOptions>(plan));
  source(group.command('apply'))
    .description("apply the plan, with a human's signature over all of it; goes on where a run ended")
    .option('--human <name>', 'who signs')
    .option('--print', 'print the text to sign, and nothing else')
    .option('--signature <file>', 'a signature of that text, made elsewhere')
    .action(handled<PlanOptions & SigningOptions>(apply));
  group
    .command('drift')
    .description('what is not as the last applied plans left it')
    .action(handled((_io, options) => withFactory(options, drift)));
}

const plan = (_io: Io, options: PlanOptions & GlobalOptions) =>
  withFactory(options, async (services) => {
    const made = await proposal(services, services.store.db, await wantedOf(services, options));
    return { value: { ...made.plan, digest: made.digest }, text: shownPlan(made.plan, made.digest) };
  });

const apply = (io: Io, options: PlanOptions & SigningOptions & GlobalOptions) =>
  withFactory(options, async (services, name) => {
    const wanted = await wantedOf(services, options);
    const left = await unfinished(services, wanted);
    if (left?.result != null) {
      io.progress(`Going on with ${planId(left.id)}, which was approved and not applied to its end.`);
      return applied(services, left.id);
    }
    const made = await proposal(services, services.store.db, wanted);
    if (made.plan.changes.every(({ action }) => action === 'nothing'))
      return {
        value: { applied: false, digest: made.digest },
        text: 'All of it is there; nothing to apply.',
      };
    const text = planText(name, made.plan, made.digest);
    if (options.print) return printedText(io, text, INFRA_NAMESPACE);
    const signed = await verifiedSignature(io, services, { text, namespace: INFRA_NAMESPACE, options });
    return applied(services, await keepSigned(services, made, signed));
  });

async function applied(services: Services, id: number): Promise<Result> {
  const { resources, addresses, removed } = await applySigned(services, id);
  return {
    value: { applied: true, plan: planId(id), resources, addresses, removed },
    text: [
      `${planId(id)} is applied.`,
      table(
        ['kind', 'name', 'id'],
        [...resources, ...addresses].map(({ kind, name, id }) => [kind, name, id]),
      ),
      ...removed.map(({ kind, name }) => `Deleted ${kind} ${name}.`),
    ].join('\n'),
  };
}

async function drift(services: Services): Promise<Result> {
  const { plans, drift } = await driftOf(services);
  const rows = drift.map(({ product, target, kind, name, what }) => [
    product,
    target,
    `${kind} ${name}`,
    what,
  ]);
  const text =
    drift.length > 0
      ? table(['product', 'target', 'what', 'drift'], rows)
      : `As the ${plans} applied plans left it.`;
  return {
    value: { plans, drift },
    text,
    exit: drift.length > 0 ? EXIT.failed : EXIT.ok,
    ...(drift.length > 0 && {
      failure: {
        code: 'DRIFT',
        message: 'Infrastructure is not as the plans left it.',
        remedy: 'Look at `millwright infra plan`, and apply it if that is what you want.',
      },
    }),
  };
}

async function wantedOf(services: Services, { file, commit }: PlanOptions): Promise<Wanted> {
  if (file === undefined) {
    const desired = await desiredAt(services, services.store.db, commit);
    return wantedBy(desired.infra, desired.commit);
  }
  const info = await stat(file).catch(() => undefined);
  if (!info?.isFile() || info.size > LARGEST_FILE)
    throw new CommandError(
      'NO_FILE',
      `There is no infra.yaml in ${file}.`,
      'Name a file; see docs/infra.md.',
      EXIT.usage,
    );
  return wantedBy(readInfra(await readFile(file, 'utf8')));
}

const shownPlan = (plan: PlanBody, digest: string): string =>
  [
    `${plan.product} at ${plan.target}`,
    ...plan.changes.map((change) => `  ${changeLine(change)}`),
    '',
    `cost    ${plan.cost}`,
    `risk    ${plan.risk}`,
    `sha256  ${digest}`,
  ].join('\n');
