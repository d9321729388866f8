import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { CommandError, EXIT } from './failures.ts';

const LONGEST = 1024;

/** Whether a person sits at this process: both ends are a terminal. */
export const atTerminal = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

/**
 * Asks for a line without showing it. Throws `INTERRUPTED` (exit 130) on Ctrl-C and at the end of input.
 * Call it at a terminal only: see `atTerminal`.
 */
export async function askHidden(question: string): Promise<string> {
  const mute = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: mute, terminal: true, historySize: 0 });
  process.stderr.write(question);
  const ended = new Promise<never>((_, reject) => {
    lines.once('SIGINT', () => reject(interrupted()));
    lines.once('close', () => reject(interrupted()));
  });
  try {
    return await Promise.race([lines.question(''), ended]);
  } finally {
    process.stderr.write('\n');
    lines.close();
  }
}

let piped: Promise<string[]> | undefined;

/** The next line of standard input, where a rehearsal's human has no terminal; empty after the last. */
export async function nextPipedLine(): Promise<string> {
  piped ??= readPiped();
  return (await piped).shift() ?? '';
}

async function readPiped(): Promise<string[]> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.length > LONGEST) break;
  }
  return text.split('\n');
}

const interrupted = () =>
  new CommandError(
    'INTERRUPTED',
    'Interrupted; nothing was changed.',
    'Run the command again.',
    EXIT.interrupted,
  );

/** Asks a question and says whether the answer was yes; anything else, and the end of input, is no. */
export async function asksYes(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  const answer = await Promise.race([lines.question(question), ended]);
  lines.close();
  return /^y(es)?$/i.test(answer.trim());
}
