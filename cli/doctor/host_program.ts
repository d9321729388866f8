import { execa } from 'execa';
import { EXIT } from '../failures.ts';
import { shown } from '../io.ts';
import { type Finding, fault, note, ok } from './finding.ts';

const VERSION_MS = 20_000;
const RUN_MS = 120_000;
const LARGEST_OUTPUT = 20_000_000;

/** The version of a host's program on PATH, and what to say of it. */
export async function hostVersion(
  program: string,
  name: string,
  known: readonly string[],
  install: string,
): Promise<{ version: string | undefined; finding: Finding }> {
  const { failed, stdout } = await execa(program, ['--version'], {
    reject: false,
    timeout: VERSION_MS,
    stdin: 'ignore',
  });
  const version = /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0];
  if (failed || !version) {
    const finding = fault(
      name,
      `${program} was not found, or does not start.`,
      `Install it: ${install}`,
      EXIT.notSetUp,
    );
    return { version: undefined, finding };
  }
  const says = `${program} ${shown(version)}`;
  const finding = known.includes(version)
    ? ok(name, says)
    : note(
        name,
        `${says}; Millwright was tested with ${known.join(' and ')}`,
        'Read the lines below: they say what holds.',
      );
  return { version, finding };
}

/** Runs a host without a terminal; never throws. The whole process group ends at the limit. */
export async function drive(
  program: string,
  args: readonly string[],
  options: { cwd: string; env: Record<string, string> },
): Promise<{ stdout: string; stderr: string; timedOut: boolean }> {
  const { stdout, stderr, timedOut } = await execa(program, args, {
    ...options,
    stdin: 'ignore',
    reject: false,
    timeout: RUN_MS,
    maxBuffer: LARGEST_OUTPUT,
  });
  return { stdout: stdout ?? '', stderr: stderr ?? '', timedOut };
}
