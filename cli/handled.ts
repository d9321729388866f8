import type { Command } from 'commander';
import { EXIT, explain } from './failures.ts';
import { type Io, openIo, printFailure, printResult, type Result } from './io.ts';

/** The options that every command takes. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly factory?: string;
  readonly home?: string;
}

/** A command gives back its result, or the exit code when it printed for itself. */
type Handler<O> = (
  io: Io,
  options: O & GlobalOptions,
  ...args: string[]
) => Promise<Result | number | undefined>;

/**
 * Makes a commander action of a command's function: prints its result, turns what it throws into one sentence
 * with the way out, and sets the exit code. A stack is printed only under MILLWRIGHT_DEBUG.
 */
export function handled<O = GlobalOptions>(run: Handler<O>) {
  return async (...all: unknown[]): Promise<void> => {
    const command = all.at(-1) as Command;
    const options = command.optsWithGlobals() as O & GlobalOptions;
    const json = options.json === true;
    try {
      const result = await run(openIo(json), options, ...(command.processedArgs as string[]));
      if (typeof result === 'object') printResult(json, result);
      process.exitCode = typeof result === 'object' ? (result.exit ?? EXIT.ok) : (result ?? EXIT.ok);
    } catch (error) {
      const failure = explain(error);
      if (process.env.MILLWRIGHT_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
      printFailure(json, failure);
      process.exitCode = failure.exit;
      // What was interrupted may still wait for something.
      if (failure.exit === EXIT.interrupted) process.exit();
    }
  };
}
