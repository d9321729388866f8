import type { Command } from 'commander';
import { append } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import { FACTORY_NAMESPACE } from '../../servers/core/signing/checkpoint_text.ts';
import { fingerprint, formatPublicKey } from '../../servers/core/signing/sshsig.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { NAME, withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { makeOrOpenKey, type NewKey, takeSshKey } from '../human_keys.ts';
import { type Io, minuteOf, type Result, shown, when } from '../io.ts';
import { isRehearsal, noteKey, printedText, type SigningOptions, verifiedSignature } from '../people.ts';
import { activeHumans, addHuman, listHumans, revokeHuman } from '../people_queries.ts';

type AddOptions = SigningOptions & { key?: string; sshKey?: string; rehearsal?: boolean };
export function human(program: Command): void {
  const group = program
    .command('human')
    .description('the people whose signature counts: add one before the first decision');
  const adding = group
    .command('add <name>')
    .description(
      'enrol a person: makes a key under a passphrase, asked for at your terminal, or takes an SSH key',
    )
    .option('--key <path>', 'where the new key lies, or a key of yours that Millwright made before')
    .option('--ssh-key <path.pub>', 'an SSH key instead: on a hardware key, or under a passphrase')
    .option('--human <name>', 'who of those known signs for a further person')
    .option('--print', 'print the text that one of those known has to sign')
    .option('--signature <file>', 'a signature of that text, made elsewhere')
    .action(handled<AddOptions>(add));
  adding.addOption(adding.createOption('--rehearsal', 'a human of a rehearsal').hideHelp());
  group.command('list').description('who is known, by which key').action(handled(list));
  group
    .command('revoke <name>')
    .description('from now on signatures of this person count for nothing; another person signs this')
    .option('--human <name>', 'who signs')
    .option('--print', 'print the text to sign')
    .option('--signature <file>', 'a signature of that text, made elsewhere')
    .action(handled<SigningOptions>(revoke));
}

const add = (io: Io, options: AddOptions & GlobalOptions, name = '') =>
  withFactory(options, async (services, factory) => {
    if (!NAME.test(name)) {
      throw new CommandError(
        'NAME',
        `"${shown(name)}" is no name.`,
        'Use lower case letters, digits and dashes.',
        EXIT.usage,
      );
    }
    if (options.rehearsal && !(await isRehearsal(services))) {
      const remedy = 'Leave --rehearsal out.';
      throw new CommandError('NO_REHEARSAL', 'A person stands behind this factory.', remedy, EXIT.usage);
    }
    const known = await listHumans(services.store.db);
    if (known.some((one) => one.name === name)) {
      throw new CommandError(
        'EXISTS',
        `${name} is known already, or was and is revoked.`,
        'Choose another name.',
      );
    }
    const key = options.sshKey
      ? await takeSshKey(services, options.sshKey)
      : await makeOrOpenKey(services, name, options.key);
    const text = `Millwright human\nfactory: ${factory}\nadd: ${name}\nkey: ${fingerprint(key.publicKey)}\n`;
    if (options.print) return printedText(io, text, FACTORY_NAMESPACE);
    const signing = { text, namespace: FACTORY_NAMESPACE, options };
    const by = known.length === 0 ? undefined : await verifiedSignature(io, services, signing);
    await save(services, name, key, by);
    await noteKey(services.paths, name, key.note);
    return added(name, key, by?.human.name);
  });

function added(name: string, { publicKey, assurance, note }: NewKey, by: string | undefined): Result {
  const print = fingerprint(publicKey);
  return {
    value: { human: name, fingerprint: print, assurance, key: note.path, signedBy: by ?? null },
    text: [
      `${name} is enrolled.`,
      `fingerprint  ${print}`,
      `assurance    ${assurance}`,
      `private key  ${note.path}`,
      '',
      'Compare the fingerprint wherever this person is named as the one who signed.',
    ].join('\n'),
  };
}

async function save(
  services: Services,
  name: string,
  key: NewKey,
  by?: { human: Row<'humans'>; signature: string },
) {
  const now = services.clock.now();
  await services.store.transaction(async (tx) => {
    if (!by && (await listHumans(tx)).length > 0) {
      throw new CommandError(
        'EXISTS',
        'Somebody else was enrolled first.',
        'Run it again; they have to sign for you.',
      );
    }
    await addHuman(tx, {
      name,
      public_key: formatPublicKey({ ...key.publicKey, comment: '' }),
      fingerprint: fingerprint(key.publicKey),
      assurance: key.assurance,
      added_at: now,
      revoked_at: null,
    });
    await append(services.store, tx, {
      at: now,
      session: `human:${by?.human.name ?? name}`,
      agent: 'human',
      role: 'human',
      event: 'human.added',
      subject: `human:${name}`,
      body: {
        fingerprint: fingerprint(key.publicKey),
        assurance: key.assurance,
        signature: by?.signature ?? null,
      },
    });
  });
}

const list = (_io: Io, options: GlobalOptions) =>
  withFactory(options, async (services) => {
    const humans = await listHumans(services.store.db);
    const lines = humans.map((one) => {
      const since = `since ${minuteOf(one.added_at)}`;
      const until = one.revoked_at === null ? '' : `, REVOKED ${minuteOf(one.revoked_at)}`;
      return `${one.name} (${one.assurance}), ${since}${until}\n  ${one.fingerprint}`;
    });
    const value = humans.map(({ name, fingerprint: print, assurance, added_at, revoked_at }) => ({
      name,
      fingerprint: print,
      assurance,
      added: when(added_at),
      revoked: revoked_at === null ? null : when(revoked_at),
    }));
    const nobody = 'Nobody yet. Run `millwright human add NAME` at your own terminal.';
    const text = humans.length === 0 ? nobody : lines.join('\n');
    return { value: { humans: value }, text };
  });

const revoke = (io: Io, options: SigningOptions & GlobalOptions, name = '') =>
  withFactory(options, async (services, factory) => {
    const active = await activeHumans(services.store.db);
    const target = active.find((one) => one.name === name);
    if (!target)
      throw new CommandError(
        'NO_HUMAN',
        `Nobody named "${shown(name)}" is enrolled.`,
        'See `millwright human list`.',
      );
    if (active.length === 1) {
      throw new CommandError(
        'LAST_HUMAN',
        `${name} is the only one whose signature counts.`,
        'Add another person first.',
      );
    }
    const text = `Millwright human\nfactory: ${factory}\nrevoke: ${name}\nkey: ${target.fingerprint}\n`;
    if (options.print) return printedText(io, text, FACTORY_NAMESPACE);
    const by = await verifiedSignature(io, services, { text, namespace: FACTORY_NAMESPACE, options });
    const now = services.clock.now();
    await services.store.transaction(async (tx) => {
      if ((await activeHumans(tx)).length < 2) {
        throw new CommandError('LAST_HUMAN', `${name} is the only one left.`, 'Add another person first.');
      }
      await revokeHuman(tx, name, now);
      await append(services.store, tx, {
        at: now,
        session: `human:${by.human.name}`,
        agent: 'human',
        role: 'human',
        event: 'human.revoked',
        subject: `human:${name}`,
        body: { signature: by.signature },
      });
    });
    return { value: { human: name, revoked: true, signedBy: by.human.name }, text: `${name} is revoked.` };
  });
