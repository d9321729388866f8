import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandResult } from './command.ts';
import { must, type Stage } from './stage.ts';

/**
 * The human of a rehearsal: a throw-away key, used through the same commands as a real one.
 */
export interface Human {
  /** The signature over what a checkpoint shows now, without handing it in. */
  sign(checkpoint: string): Promise<string>;
  /** Hands in a signature made elsewhere or earlier; says whether it was taken. */
  handIn(checkpoint: string, signature: string): Promise<boolean>;
  /** What somebody without the key would hand in: the human's signature with one letter changed. */
  forge(checkpoint: string): Promise<string>;
  /** A command that asks for a signature, which the human gives with the key of this machine. */
  signs(args: readonly string[]): Promise<CommandResult>;
}

export async function addHuman(stage: Stage): Promise<Human> {
  const passphrase = randomBytes(18).toString('base64url');
  const key = join(stage.folder, 'human.key');
  await must(
    stage.millwright(['human', 'add', 'owner', '--rehearsal', '--key', key], passphrase),
    'The human',
  );
  const sign = async (checkpoint: string) => {
    const shown = await must(stage.millwright(['approve', checkpoint, '--print']), 'The text');
    const file = join(stage.folder, `text-${checkpoint}`);
    await writeFile(file, String(shown.json.text));
    const signed = await must(stage.millwright(['sign', file, '--key', key], passphrase), 'The signature');
    return String(signed.json.signature);
  };
  return {
    sign,
    signs: (args) => stage.millwright([...args, '--human', 'owner'], passphrase),
    async forge(checkpoint) {
      return withOneLetterChanged(await sign(checkpoint));
    },
    async handIn(checkpoint, signature) {
      const file = join(stage.folder, `signature-${checkpoint}`);
      await writeFile(file, signature);
      const { exit } = await stage.millwright([
        'approve',
        checkpoint,
        '--human',
        'owner',
        '--signature',
        file,
      ]);
      return exit === 0;
    },
  };
}

/** Changes a letter of the signature proper, which is what the end of the armored block holds. */
function withOneLetterChanged(armored: string): string {
  const lines = armored.split('\n');
  const at = lines.findLastIndex((line) => line.length > 0 && !line.startsWith('-----')) - 1;
  const line = lines[at] ?? '';
  const middle = Math.floor(line.length / 2);
  lines[at] = line.slice(0, middle) + (line[middle] === 'A' ? 'B' : 'A') + line.slice(middle + 1);
  return lines.join('\n');
}
