import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FactoryPaths } from '../servers/core/paths.ts';
import type { Services } from '../servers/core/services.ts';
import { openHumanKey, signWithSshKeygen } from '../servers/core/signing/human_key.ts';
import { parsePublicKey, signSsh, verifySsh } from '../servers/core/signing/sshsig.ts';
import type { Row } from '../servers/core/store/schema.ts';
import { CommandError, EXIT } from './failures.ts';
import type { Io, Result } from './io.ts';
import { activeHumans, firstAssurance } from './people_queries.ts';
import { askHidden, atTerminal, nextPipedLine } from './prompt.ts';

type Human = Row<'humans'>;

/** Where a human's private key lies on this machine: one of Millwright's under a passphrase, or one for ssh-keygen. */
export interface KeyNote {
  readonly kind: 'passphrase' | 'ssh';
  readonly path: string;
}

export interface SigningOptions {
  readonly human?: string;
  readonly print?: boolean;
  readonly signature?: string;
}

const LARGEST_SIGNATURE = 4096;

export const humansFolder = (paths: FactoryPaths) => join(paths.home, 'humans');

export async function noteKey(paths: FactoryPaths, name: string, note: KeyNote): Promise<void> {
  await mkdir(humansFolder(paths), { recursive: true, mode: 0o700 });
  await writeFile(join(humansFolder(paths), `${name}.json`), `${JSON.stringify(note)}\n`, { mode: 0o600 });
}

/** A text to be signed elsewhere: nothing else on stdout, so that it can go into a file as it is. */
export function printedText(io: Io, text: string, namespace: string): Result {
  io.progress(
    `Sign it with: ssh-keygen -Y sign -n ${namespace} -f KEY FILE, then come back with --signature FILE.sig`,
  );
  return { value: { text, namespace }, text };
}

interface ToSign {
  text: string;
  namespace: string;
  options: SigningOptions;
}

/**
 * A signature over `text`, which is shown first, and the name of the human whose it is said to be: from the file
 * that --signature names, else made now with the human's own key. Whoever takes it verifies it. Throws
 * `CommandError` when the factory has no human or nobody is there to sign.
 */
export async function takeSignature(
  io: Io,
  services: Services,
  { text, namespace, options }: ToSign,
): Promise<{ human: string; signature: string }> {
  const humans = await knownHumans(services);
  if (options.signature !== undefined) {
    const signature = await readSignature(options.signature);
    return { human: options.human ?? chooseHuman(humans, undefined).name, signature };
  }
  const human = chooseHuman(humans, options.human);
  return { human: human.name, signature: await signHere(io, services, text, namespace, human) };
}

/** As takeSignature, and verified to be that human's over exactly `text`. Throws SigningError when it is not. */
export async function verifiedSignature(
  io: Io,
  services: Services,
  toSign: ToSign,
): Promise<{ human: Human; signature: string }> {
  const { human: name, signature } = await takeSignature(io, services, toSign);
  const human = chooseHuman(await activeHumans(services.store.db), name);
  const keys = [parsePublicKey(human.public_key)];
  verifySsh(toSign.text, signature, { namespace: toSign.namespace, keys });
  return { human, signature };
}

/** The humans whose signature counts now. Throws `CommandError` when there is none. */
export async function knownHumans(services: Services): Promise<Human[]> {
  const humans = await activeHumans(services.store.db);
  if (humans.length > 0) return humans;
  throw new CommandError(
    'NO_HUMAN',
    'This factory knows no human whose signature counts.',
    'Run `millwright human add NAME` at your own terminal first.',
    EXIT.notSetUp,
  );
}

/** Whether nobody stands behind this factory: it was made by `init --rehearsal`, and says so in every assurance. */
export const isRehearsal = async (services: Services) =>
  (await firstAssurance(services.store.db)) === 'rehearsal';

/** Asks for the passphrase of a key. In a rehearsal's factory, and there only, it may come by standard input. */
export async function passphrase(services: Services, question: string): Promise<string> {
  if (atTerminal()) return askHidden(question);
  if (await isRehearsal(services)) return nextPipedLine();
  throw new CommandError(
    'NO_TERMINAL',
    'A signature is made by a person at a terminal, and this is none.',
    'Run the command at your own terminal, or sign elsewhere with --print and --signature FILE.',
  );
}

async function signHere(
  io: Io,
  services: Services,
  text: string,
  namespace: string,
  human: Human,
): Promise<string> {
  const note = await keyNoteOf(services.paths, human.name);
  io.progress(text.trimEnd());
  if (note.kind === 'ssh') return signWithSshKeygen(text, note.path, namespace);
  const key = await openHumanKey(note.path, await passphrase(services, `Passphrase of ${human.name}: `));
  return signSsh(text, key, namespace);
}

function chooseHuman(humans: readonly Human[], name: string | undefined): Human {
  const [only] = humans;
  const chosen =
    name === undefined && humans.length === 1 ? only : humans.find((human) => human.name === name);
  if (chosen) return chosen;
  const names = humans.map((human) => human.name).join(', ');
  throw new CommandError(
    'WHICH_HUMAN',
    `Who signs? This factory knows ${names}.`,
    'Name one with --human NAME.',
    EXIT.usage,
  );
}

async function keyNoteOf(paths: FactoryPaths, name: string): Promise<KeyNote> {
  const text = await readFile(join(humansFolder(paths), `${name}.json`), 'utf8').catch(() => undefined);
  if (text !== undefined) return JSON.parse(text) as KeyNote;
  throw new CommandError(
    'NO_KEY_HERE',
    `The private key of ${name} is not on this machine.`,
    'Sign where it is, with --print here and --signature FILE afterwards.',
  );
}

async function readSignature(path: string): Promise<string> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile() || info.size > LARGEST_SIGNATURE) {
    throw new CommandError(
      'NO_SIGNATURE',
      `There is no signature in ${path}.`,
      'Name the .sig file that ssh-keygen wrote.',
    );
  }
  return readFile(path, 'utf8');
}
