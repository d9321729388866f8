import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { append } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import { FACTORY_NAMESPACE } from '../../servers/core/signing/checkpoint_text.ts';
import { createHumanKey, openHumanKey } from '../../servers/core/signing/human_key.ts';
import { toSshPublicKey } from '../../servers/core/signing/ssh_key.ts';
import {
  fingerprint,
  formatPublicKey,
  parsePublicKey,
  type SshPublicKey,
} from '../../servers/core/signing/sshsig.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { NAME, withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { type Io, type Result, shown, table, when } from '../io.ts';
import {
  humansFolder,
  isRehearsal,
  type KeyNote,
  noteKey,
  passphrase,
  printedText,
  type SigningOptions,
  verifiedSignature,
} from '../people.ts';
import { activeHumans, addHuman, listHumans, revokeHuman } from '../queries.ts';
import { isEncryptedSshKey } from '../ssh_private_key.ts';

type Assurance = Row<'humans'>['assurance'];
type AddOptions = SigningOptions & { key?: string; sshKey?: string; rehearsal?: boolean };
interface NewKey {
  publicKey: SshPublicKey;
  assurance: Assurance;
  note: KeyNote;
}

export function human(program: Command): void {
  const group = program.command('human').description('the people whose signature counts');
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
      ? await sshKey(services, options.sshKey)
      : await ownKey(services, name, options.key);
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

async function ownKey(services: Services, name: string, path: string | undefined): Promise<NewKey> {
  await mkdir(humansFolder(services.paths), { recursive: true, mode: 0o700 });
  const file = resolve(path ?? join(humansFolder(services.paths), `${name}.pem`));
  const isThere = (await readFile(file).catch(() => undefined)) !== undefined;
  const secret = await passphrase(
    services,
    isThere ? `Passphrase of ${file}: ` : 'New passphrase (12 or more): ',
  );
  const rehearsed = await isRehearsal(services);
  if (!isThere && !rehearsed && secret !== (await passphrase(services, 'The same again: '))) {
    throw new CommandError(
      'PASSPHRASE',
      'The two passphrases differ; no key was made.',
      'Run the command again.',
    );
  }
  const publicKey = isThere
    ? toSshPublicKey(await openHumanKey(file, secret))
    : await createHumanKey(file, secret);
  return {
    publicKey,
    assurance: rehearsed ? 'rehearsal' : 'passphrase',
    note: { kind: 'passphrase', path: file },
  };
}

/** A hardware key proves a touch with each signature; a key in a file counts only under a passphrase. */
async function sshKey(services: Services, path: string): Promise<NewKey> {
  const line = await readFile(path, 'utf8').catch(() => {
    throw new CommandError(
      'NO_KEY',
      `There is no public key ${path}.`,
      'Name the .pub file of your SSH key.',
      EXIT.usage,
    );
  });
  const publicKey = parsePublicKey(line);
  const note: KeyNote = { kind: 'ssh', path: resolve(path) };
  if (await isRehearsal(services)) return { publicKey, assurance: 'rehearsal', note };
  if (publicKey.type !== 'ssh-ed25519') return { publicKey, assurance: 'touch', note };
  if (!(await isEncryptedSshKey(resolve(path).replace(/\.pub$/, '')))) {
    throw new CommandError(
      'KEY_UNPROTECTED',
      'That SSH key lies in a file without a passphrase, or its private half is not beside it: an agent could sign with it.',
      'Use a hardware key (ssh-keygen -t ed25519-sk), set a passphrase (ssh-keygen -p), or let Millwright make a key.',
    );
  }
  return { publicKey, assurance: 'passphrase', note };
}

const list = (_io: Io, options: GlobalOptions) =>
  withFactory(options, async (services) => {
    const humans = await listHumans(services.store.db);
    const rows = humans.map((one) => [
      one.name,
      one.assurance,
      one.fingerprint,
      one.revoked_at === null ? when(one.added_at) : `revoked ${when(one.revoked_at)}`,
    ]);
    const value = humans.map(({ name, fingerprint: print, assurance, added_at, revoked_at }) => ({
      name,
      fingerprint: print,
      assurance,
      added: when(added_at),
      revoked: revoked_at === null ? null : when(revoked_at),
    }));
    const nobody = 'Nobody yet. Run `millwright human add NAME` at your own terminal.';
    const text = humans.length === 0 ? nobody : table(['name', 'assurance', 'fingerprint', 'since'], rows);
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
