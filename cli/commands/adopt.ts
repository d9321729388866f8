import type { Command } from 'commander';
import { ToolError } from '../../servers/core/errors.ts';
import { append } from '../../servers/core/record.ts';
import { recordRefusal } from '../../servers/core/refusals.ts';
import type { Services } from '../../servers/core/services.ts';
import { sha256Hex } from '../../servers/core/signing/canonical.ts';
import { adoptCommit } from '../../servers/repo/adopt.ts';
import { ADOPTION_NAMESPACE, adoptionText, type Entering, readEntering } from '../adoption.ts';
import { withFactory } from '../factories.ts';
import { CommandError } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import type { Io, Result } from '../io.ts';
import { knownHumans, printedText, type SigningOptions, verifiedSignature } from '../people.ts';
import { adoptionsOf } from '../record_queries.ts';
import { ownRepository } from '../repository.ts';

export function adopt(program: Command): void {
  program
    .command('adopt <commit>')
    .description(
      'bring a commit of your own into the factory: shows what enters, asks for your signature, then has it go through gates, review and QA like any change',
    )
    .option('--human <name>', 'who signs')
    .option('--print', 'print the text to sign, and nothing else')
    .option('--signature <file>', 'a signature of that text, made elsewhere')
    .action(handled<SigningOptions>(run));
}

const run = (io: Io, options: SigningOptions & GlobalOptions, name = '') =>
  withFactory(options, async (services, factory): Promise<Result> => {
    await knownHumans(services);
    const repository = await ownRepository(process.cwd());
    const { factory: definition } = await services.factory();
    const entering = await readEntering(repository, name, {
      authority: services.paths.git,
      protectedPaths: definition.protected,
    });
    const { commit } = entering;
    const attempt = (await adoptionsOf(services.store.db, commit)) + 1;
    const text = adoptionText(factory, entering, attempt);
    if (options.print) return printedText(io, text, ADOPTION_NAMESPACE);
    const signed = await signatureOrRefusal(io, services, text, options);
    const human = signed.human.name;
    await recordSignature(services, { entering, attempt, text, ...signed });
    const adopted = await inWordsForAPerson(() =>
      adoptCommit(services, { repository: repository.root, commit, human }),
    );
    return {
      value: { adopted: commit, human, ...adopted, paths: entering.paths },
      text: [
        `${commit} is in as ${adopted.submission}, signed by ${human}.`,
        `Gates, review and QA follow, then the merge: millwright pipeline ${adopted.pipeline}`,
      ].join('\n'),
    };
  });

type Signed = Awaited<ReturnType<typeof verifiedSignature>>;

/** Whatever comes without a signature that holds is refused, and the refusal is recorded. */
async function signatureOrRefusal(
  io: Io,
  services: Services,
  text: string,
  options: SigningOptions,
): Promise<Signed> {
  try {
    return await verifiedSignature(io, services, { text, namespace: ADOPTION_NAMESPACE, options });
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it is not signed';
    const refused = new ToolError('FORBIDDEN', `The commit does not enter: ${why}`, 'Sign it.');
    const operator = { id: 'server', agent: 'operator', role: 'operator' };
    await recordRefusal(services, operator, 'adopt', 'adopt.unsigned', refused);
    throw error;
  }
}

interface Signature extends Signed {
  entering: Entering;
  attempt: number;
  text: string;
}

/** The signature enters the record before the commit enters mainline's repository, and counts once. */
async function recordSignature(services: Services, { entering, attempt, text, human, signature }: Signature) {
  const { commit, tree } = entering;
  await services.store.transaction(async (tx) => {
    await append(services.store, tx, {
      at: services.clock.now(),
      session: `human:${human.name}`,
      agent: 'human',
      role: 'human',
      event: 'adopt.signed',
      subject: `commit:${commit}`,
      body: { digest: sha256Hex(text), tree, attempt, signature, assurance: human.assurance },
    });
    if ((await adoptionsOf(tx, commit)) === attempt) return;
    throw new CommandError(
      'CONFLICT',
      'Somebody else adopts this commit at the same time.',
      'See `millwright status`; sign again if it is still needed.',
    );
  });
}

const ANOTHER_BRANCH = 'Start a branch from factory/main (`git fetch factory`), commit there and adopt that.';
const WAYS_OUT: Readonly<Record<string, string>> = {
  'change.conflict': 'Merge mainline into your branch (`git pull factory main`), then adopt the result.',
  'change.empty': 'Mainline has this already; there is nothing to adopt.',
  'path.form': 'Rename it or take it out of the commit: plain files with plain names enter, whoever signs.',
  'git.not-a-clone': 'Fetch the commit into a plain clone of your repository and adopt it there.',
  'git.malformed': 'Run `git fsck` in your repository; adopt from a sound clone of it.',
  'git.unrelated': ANOTHER_BRANCH,
  'git.several-bases': ANOTHER_BRANCH,
  'git.rewrite': ANOTHER_BRANCH,
  'git.too-large': 'Leave generated and large files out of the commit.',
};

/** The remedies of the repository's rules speak to agents and name their tools; a person has others. */
async function inWordsForAPerson<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const remedy = WAYS_OUT[error.rule ?? ''] ?? 'Correct the commit and adopt it again.';
    throw new CommandError(error.code, error.message, remedy);
  }
}
