import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { CHECKPOINT_NAMESPACE, FACTORY_NAMESPACE } from '../../servers/core/signing/checkpoint_text.ts';
import { openHumanKey } from '../../servers/core/signing/human_key.ts';
import { signSsh } from '../../servers/core/signing/sshsig.ts';
import { ADOPTION_HEADING, ADOPTION_NAMESPACE } from '../adoption.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import type { Io } from '../io.ts';
import { passphrase } from '../people.ts';
import { askHidden, atTerminal } from '../prompt.ts';

const LARGEST_TEXT = 1_000_000;
/** What may be signed here, by its first line: a key of Millwright signs nothing else. */
const NAMESPACES: readonly [string, string][] = [
  ['Millwright checkpoint 1', CHECKPOINT_NAMESPACE],
  ['Millwright factory definition', FACTORY_NAMESPACE],
  ['Millwright human', FACTORY_NAMESPACE],
  [ADOPTION_HEADING, ADOPTION_NAMESPACE],
];

export function sign(program: Command): void {
  program
    .command('sign <file>')
    .description(
      'sign a text that --print (of approve, adopt, factory apply, human) wrote, with a key that Millwright made',
    )
    .requiredOption('--key <path>', 'your private key, as `human add` named it')
    .action(handled<{ key: string }>((io, options, file = '') => run(io, file, options)));
}

async function run(io: Io, file: string, options: GlobalOptions & { key: string }) {
  const text = await readText(file);
  const [, namespace] = NAMESPACES.find(([line]) => text.startsWith(`${line}\n`)) ?? [];
  if (namespace === undefined) {
    const remedy = 'Give the file as --print wrote it.';
    throw new CommandError('NOT_A_TEXT', `${file} is no text of Millwright to sign.`, remedy);
  }
  io.progress(text.trimEnd());
  const question = `Passphrase of ${options.key}: `;
  const secret = atTerminal()
    ? await askHidden(question)
    : await withFactory(options, (services) => passphrase(services, question));
  const signature = signSsh(text, await openHumanKey(options.key, secret), namespace);
  return { value: { namespace, signature }, text: signature };
}

async function readText(file: string): Promise<string> {
  const info = await stat(file).catch(() => undefined);
  if (info?.isFile() && info.size <= LARGEST_TEXT) return readFile(file, 'utf8');
  throw new CommandError('NO_FILE', `There is no text to sign in ${file}.`, 'Name the file.', EXIT.usage);
}
