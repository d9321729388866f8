import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Services } from '../servers/core/services.ts';
import { createHumanKey, openHumanKey } from '../servers/core/signing/human_key.ts';
import { toSshPublicKey } from '../servers/core/signing/ssh_key.ts';
import { parsePublicKey, type SshPublicKey } from '../servers/core/signing/sshsig.ts';
import type { Row } from '../servers/core/store/schema.ts';
import { CommandError, EXIT } from './failures.ts';
import { humansFolder, isRehearsal, type KeyNote, passphrase } from './people.ts';
import { isEncryptedSshKey } from './ssh_private_key.ts';

/** The key of a person who is being enrolled: its public half, and where the private one lies. */
export interface NewKey {
  readonly publicKey: SshPublicKey;
  readonly assurance: Row<'humans'>['assurance'];
  readonly note: KeyNote;
}

/**
 * A key of Millwright: a new one under a passphrase that is asked for, at `path` or beside the factory, or the
 * one that lies at `path` already. Throws `CommandError` when the two passphrases differ, and SigningError.
 */
export async function makeOrOpenKey(
  services: Services,
  name: string,
  path: string | undefined,
): Promise<NewKey> {
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

/**
 * An SSH key by its .pub file. A hardware key proves a touch with each signature; a key in a file counts only
 * under a passphrase. Throws `CommandError` when it has none, or is not there.
 */
export async function takeSshKey(services: Services, path: string): Promise<NewKey> {
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
