import type { Command } from 'commander';
import { ToolError } from '../../servers/core/errors.ts';
import { type Applied, definitionDigest, definitionText } from '../../servers/core/factory/applied.ts';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { type DefinitionFiles, parseDefinition, requireWords } from '../../servers/core/factory/parse.ts';
import { append } from '../../servers/core/record.ts';
import { recordRefusal } from '../../servers/core/refusals.ts';
import type { Services } from '../../servers/core/services.ts';
import { FACTORY_NAMESPACE } from '../../servers/core/signing/checkpoint_text.ts';
import { definitionAt } from '../definition.ts';
import { withFactory } from '../factories.ts';
import { addFactoryVersion, filesInForce } from '../factory_queries.ts';
import { CommandError } from '../failures.ts';
import { grantChanges, grantLines, wordLines } from '../grants.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { type Io, type Result, table } from '../io.ts';
import { printedText, type SigningOptions, verifiedSignature } from '../people.ts';
import { isSignatureUsed } from '../people_queries.ts';

export function factory(program: Command): void {
  const group = program
    .command('factory')
    .description("the factory's definition: roles, grants, pipelines, limits");
  group.command('show').description('the definition in force').action(handled(show));
  group
    .command('check <file>')
    .description('says whether a factory file can be used, or which line is wrong')
    .action(handled((_io, _options, file = '') => check(file)));
  group
    .command('apply')
    .description(
      "put the files in the factory's folder into force: shows what changes, then asks for a human's signature",
    )
    .option('--human <name>', 'who signs')
    .option('--print', 'print the text to sign, and nothing else')
    .option('--signature <file>', 'a signature of that text, made elsewhere')
    .action(handled<SigningOptions>(apply));
}

const show = (_io: Io, options: GlobalOptions) =>
  withFactory(options, async (services, name) => {
    const applied = await services.factory();
    const files = await filesInForce(services.store.db);
    const roles = Object.entries(applied.factory.roles);
    const rows = roles.map(([role, { agents, may, writes }]) => [
      role,
      agents.join(' '),
      String(may.length),
      writes.join(' ') || '-',
    ]);
    return {
      value: {
        factory: applied.factory,
        home: services.paths.home,
        version: applied.version,
        digest: applied.digest,
        assurance: applied.assurance,
        files,
      },
      text: [
        `${name}: ${applied.factory.title}`,
        `folder     ${services.paths.home}`,
        `file       ${services.paths.definition}`,
        `in force   version ${applied.version}, assurance ${applied.assurance}`,
        `sha256     ${applied.digest}`,
        `pipelines  ${[...applied.pipelines.keys()].join(', ')}`,
        '',
        table(['role', 'agents', 'grants', 'writes'], rows),
        '',
        'Change it: edit the file, then millwright factory apply',
        'Who may call which tool: millwright permissions',
      ].join('\n'),
    };
  });

async function check(file: string): Promise<Result> {
  const { files, definition } = await definitionAt(file);
  const { factory: parsed, pipelines } = definition;
  const digest = definitionDigest(files);
  const roles = Object.keys(parsed.roles);
  return {
    value: { factory: parsed.factory, roles, pipelines: [...pipelines.keys()], digest },
    text: `${file} is right: factory ${parsed.factory}, roles ${roles.join(', ')}, pipelines ${[...pipelines.keys()].join(', ')}.`,
  };
}

const apply = (io: Io, options: SigningOptions & GlobalOptions) =>
  withFactory(options, async (services, name) => {
    const files = await readDefinition(services.paths.definition);
    const next = parseDefinition(files);
    requireWords(next);
    const current = await services.factory();
    const digest = definitionDigest(files);
    if (digest === current.digest) {
      return { value: { applied: false, digest }, text: 'The files are what is in force; nothing to apply.' };
    }
    if (next.factory.factory !== name) {
      throw new CommandError(
        'FACTORY_RENAMED',
        `The file says "factory: ${next.factory.factory}".`,
        `Write "factory: ${name}"; a factory keeps its name.`,
      );
    }
    const lines = grantLines(grantChanges(current.factory, next.factory));
    const text = definitionText(name, digest);
    io.progress(
      [
        'What this changes in who may do what:',
        ...(lines.length > 0 ? lines : ['nothing']),
        ...wordLines(current.words, next.words),
        '',
      ].join('\n'),
    );
    if (options.print) return printedText(io, text, FACTORY_NAMESPACE);
    const signed = await signatureOrRefusal(io, services, text, options);
    const version = await putIntoForce(services, current, files, signed);
    return {
      value: { applied: true, version, digest, human: signed.human.name, grants: lines },
      text: `In force: version ${version}, sha256:${digest}, signed by ${signed.human.name}.`,
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
    const signed = await verifiedSignature(io, services, { text, namespace: FACTORY_NAMESPACE, options });
    if (!(await isSignatureUsed(services.store.db, signed.signature))) return signed;
    throw new CommandError(
      'SIGNATURE_USED',
      'This definition was in force before, and its signature with it.',
      'Change a comment in factory.yaml, so that it is a new definition, and sign that.',
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it is not signed';
    const refused = new ToolError(
      'FORBIDDEN',
      `The factory files are not put into force: ${why}`,
      'Sign them.',
    );
    const operator = { id: 'server', agent: 'operator', role: 'operator' };
    await recordRefusal(services, operator, 'factory apply', 'factory.unsigned', refused);
    throw error;
  }
}

async function putIntoForce(
  services: Services,
  current: Applied,
  files: DefinitionFiles,
  { human, signature }: Signed,
): Promise<number> {
  const now = services.clock.now();
  const digest = definitionDigest(files);
  await services.store.transaction(async (tx) => {
    const newest = await tx
      .selectFrom('factory_versions')
      .select((eb) => eb.fn.max<number>('id').as('id'))
      .executeTakeFirst();
    if (newest?.id !== current.version) {
      throw new CommandError(
        'CONFLICT',
        'Another definition came into force meanwhile.',
        'Look at it with `millwright factory show`, then apply again.',
      );
    }
    await addFactoryVersion(tx, {
      digest,
      body: JSON.stringify(files),
      human: human.name,
      assurance: human.assurance,
      signature,
      applied_at: now,
    });
    await append(services.store, tx, {
      at: now,
      session: `human:${human.name}`,
      agent: 'human',
      role: 'human',
      event: 'factory.applied',
      subject: `factory:${digest}`,
      body: {
        assurance: human.assurance,
        grants: grantLines(grantChanges(current.factory, parseDefinition(files).factory)),
      },
    });
  });
  return (await services.factory()).version;
}
