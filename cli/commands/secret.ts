import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { execa } from 'execa';
import { append } from '../../servers/core/record.ts';
import { openSecretKey } from '../../servers/core/secrets/key.ts';
import { keepOut } from '../../servers/core/secrets/scrub.ts';
import {
  endRotation,
  LEAST_BYTES,
  MOST_BYTES,
  removeSecret,
  rotateSecret,
  type SecretName,
  secretAges,
  setSecret,
} from '../../servers/core/secrets/secrets.ts';
import type { Services } from '../../servers/core/services.ts';
import type { Tx } from '../../servers/core/store/store.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { minuteOf, type Result, shown, table } from '../io.ts';
import { askHidden, atTerminal } from '../prompt.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const PRODUCT = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const COMMAND_MS = 60_000;

interface Which {
  readonly product?: string;
  readonly target?: string;
}
interface From {
  readonly file?: string;
  readonly command?: string[];
}

export function secret(program: Command): void {
  const group = program
    .command('secret')
    .description('values that no agent sees: for products, and the tokens of targets');
  const which = (command: Command) =>
    command
      .option('--product <name>', 'for this product; else for the factory itself')
      .option('--target <name>', 'at this target only; else at all that the factory has');
  const from = (command: Command) =>
    which(command)
      .option('--file <file>', 'read the value from a file')
      .option('--command <words...>', 'take what this program prints, for example: pass show shop/stripe');
  from(group.command('set <name>'))
    .description('keep a value; asks for it without showing it')
    .action(handled<Which & From>((_io, options, name = '') => set(options, name)));
  group
    .command('list')
    .description('names and ages')
    .action(handled((_io, options) => withFactory(options, list)));
  from(group.command('rotate <name>'))
    .description('give a secret its next value; the one before stays valid until --end')
    .option('--end', 'the value before is valid no more')
    .action(handled<Which & From & { end?: boolean }>((_io, options, name = '') => rotate(options, name)));
  which(group.command('remove <name>'))
    .description('forget a secret')
    .action(handled<Which>((_io, options, name = '') => remove(options, name)));
}

const set = (options: Which & From & GlobalOptions, name: string) =>
  withFactory(options, async (services) => {
    const names = await namesOf(services, options, name);
    const value = await valueFrom(options, name);
    const key = await openSecretKey(services.paths.keys);
    const now = services.clock.now();
    await recorded(services, 'secret.set', names, (tx, of) => setSecret(tx, key, of, value, now));
    return told(names, 'is kept');
  });

const rotate = (options: Which & From & { end?: boolean } & GlobalOptions, name: string) =>
  withFactory(options, async (services) => {
    const names = await namesOf(services, options, name);
    if (options.end) {
      await recorded(services, 'secret.rotated', names, async (tx, of) => {
        if (!(await endRotation(tx, of))) throw unknownSecret(of, 'is not being rotated');
      });
      return told(names, 'has one value again');
    }
    const value = await valueFrom(options, name);
    const key = await openSecretKey(services.paths.keys);
    const now = services.clock.now();
    await recorded(services, 'secret.rotating', names, async (tx, of) => {
      if (!(await rotateSecret(tx, key, of, value, now))) throw unknownSecret(of, 'is not kept');
    });
    return told(names, `has its next value; a Worker finds the one before as ${name}_PREVIOUS until --end`);
  });

const remove = (options: Which & GlobalOptions, name: string) =>
  withFactory(options, async (services) => {
    const names = await namesOf(services, options, name);
    await recorded(services, 'secret.removed', names, async (tx, of) => {
      if (!(await removeSecret(tx, of))) throw unknownSecret(of, 'is not kept');
    });
    return told(names, 'is forgotten here; versions that were uploaded with it still have it');
  });

async function list(services: Services): Promise<Result> {
  const ages = await secretAges(services.store.db);
  const rows = ages.map(({ name, product, target, rotatedAt, rotating }) => [
    name,
    product || '(factory)',
    target,
    minuteOf(rotatedAt),
    rotating ? 'both values valid' : '',
  ]);
  const text =
    rows.length > 0 ? table(['name', 'product', 'target', 'since (UTC)', ''], rows) : 'No secrets.';
  return { value: { secrets: ages }, text };
}

/** One transaction for all targets, and an entry of the record for each: names, never values. */
async function recorded(
  services: Services,
  event: string,
  names: readonly SecretName[],
  change: (tx: Tx, of: SecretName) => Promise<unknown>,
): Promise<void> {
  await services.store.transaction(async (tx) => {
    for (const of of names) {
      await change(tx, of);
      await append(services.store, tx, {
        at: services.clock.now(),
        session: 'server',
        agent: 'operator',
        role: 'operator',
        event,
        subject: `secret:${of.name}`,
        body: of,
      });
    }
  });
}

async function namesOf(services: Services, { product, target }: Which, name: string): Promise<SecretName[]> {
  if (!NAME.test(name))
    throw usage(`"${shown(name, 80)}" can't name a secret.`, 'Use letters, digits and _.');
  if (product !== undefined && !PRODUCT.test(product))
    throw usage(
      `"${shown(product, 80)}" can't name a product.`,
      'Use lower-case letters, digits and inner hyphens.',
    );
  const { factory } = await services.factory();
  const there = ['local', ...Object.keys(factory.targets)];
  if (target !== undefined && !there.includes(target))
    throw usage(`This factory has no target "${shown(target, 80)}".`, `It has ${there.join(' and ')}.`);
  return (target === undefined ? there : [target]).map((one) => ({
    product: product ?? '',
    target: one,
    name,
  }));
}

/** The value, without the line's end that files and programs add. Throws for one that can't be a secret. */
async function valueFrom({ file, command }: From, name: string): Promise<string> {
  if (file !== undefined && command !== undefined)
    throw usage('--file and --command say two things.', 'Give one of them.');
  const given = await read(file, command, name);
  const value = given.replace(/\r?\n$/, '');
  const bytes = Buffer.byteLength(value);
  keepOut(name, value || given);
  if (bytes >= LEAST_BYTES && bytes <= MOST_BYTES) return value;
  throw new CommandError(
    'SECRET_SIZE',
    `The value has ${bytes} bytes; a secret has ${LEAST_BYTES} to ${MOST_BYTES}.`,
    'Check where it comes from; nothing was changed.',
  );
}

async function read(
  file: string | undefined,
  command: readonly string[] | undefined,
  name: string,
): Promise<string> {
  if (file !== undefined) {
    const info = await stat(file).catch(() => undefined);
    if (info?.isFile() && info.size <= 2 * MOST_BYTES) return readFile(file, 'utf8');
    throw new CommandError(
      'NO_FILE',
      `There is no secret in ${file}.`,
      'Name a file of at most some kilobytes.',
    );
  }
  if (command !== undefined) return printedBy(command);
  if (atTerminal()) return askHidden(`Value of ${name}: `);
  throw new CommandError(
    'NO_TERMINAL',
    'A secret is typed by a person at a terminal, and this is none.',
    'Run the command at your own terminal, or give --file or --command.',
  );
}

/** What a program prints; what it says when it fails may hold the secret and is not shown. */
async function printedBy([program = '', ...args]: readonly string[]): Promise<string> {
  const result = await execa(program, args, {
    stdin: 'ignore',
    stderr: 'ignore',
    reject: false,
    stripFinalNewline: false,
    timeout: COMMAND_MS,
    maxBuffer: 4 * MOST_BYTES,
  });
  if (!result.failed) return result.stdout;
  throw new CommandError(
    'NO_VALUE',
    `${shown(program, 80)} did not print a secret${result.exitCode === undefined ? '' : ` (exit code ${result.exitCode})`}.`,
    'Run it by hand and see what it says.',
  );
}

const told = (names: readonly SecretName[], what: string): Result => ({
  value: { secrets: names },
  text: names
    .map(({ name, product, target }) => `${name} of ${product || 'the factory'} at ${target} ${what}.`)
    .join('\n'),
});

const unknownSecret = ({ name, product, target }: SecretName, what: string) =>
  new CommandError(
    'NO_SECRET',
    `${name} of ${product || 'the factory'} at ${target} ${what}.`,
    'Look at `millwright secret list`.',
  );

const usage = (message: string, remedy: string) => new CommandError('USAGE', message, remedy, EXIT.usage);
