import type { Command } from 'commander';
import { decide, textToSign } from '../../servers/core/checkpoints.ts';
import { CHECKPOINT_NAMESPACE } from '../../servers/core/signing/checkpoint_text.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { shown } from '../io.ts';
import { printedText, type SigningOptions, takeSignature } from '../people.ts';

export function approve(program: Command): void {
  program
    .command('approve <id>')
    .description(
      'decide a checkpoint (C-1): shows exactly the text that is signed, then asks for your passphrase',
    )
    .option('--reject', 'sign a rejection instead')
    .option('--human <name>', 'who decides')
    .option('--print', 'print the text to sign, and nothing else')
    .option('--signature <file>', 'a signature of that text, made elsewhere')
    .action(
      handled<SigningOptions & { reject?: boolean }>((io, options, id = '') =>
        withFactory(options, async (services) => {
          const checkpoint = numberOf(id);
          const decision = options.reject ? 'reject' : 'approve';
          const { factory } = await services.factory();
          const text = await textToSign(services.store.db, factory.factory, checkpoint, decision);
          if (options.print) return printedText(io, text, CHECKPOINT_NAMESPACE);
          const signing = { text, namespace: CHECKPOINT_NAMESPACE, options };
          const { human, signature } = await takeSignature(io, services, signing);
          const decided = await decide(services, { checkpoint, decision, human, signature });
          return {
            value: { checkpoint: `C-${checkpoint}`, human, ...decided },
            text: `C-${checkpoint} (${decided.name}) is ${decided.state} by ${human}, assurance ${decided.assurance}.`,
          };
        }),
      ),
    );
}

/** The number in `C-12`. */
function numberOf(id: string): number {
  const number = /^C-([1-9]\d{0,11})$/.exec(id)?.[1];
  if (number) return Number(number);
  throw new CommandError(
    'ID',
    `"${shown(id)}" is no checkpoint.`,
    'Give an id such as C-12; see `millwright checkpoints`.',
    EXIT.usage,
  );
}
