import { ToolError } from './errors.ts';
import { type Isolation, type SandboxResult, SandboxUnavailable } from './sandbox/sandbox.ts';

/** What a gate found. `why` is the server's own sentence; `log` may quote the project and is data. */
export interface Outcome {
  readonly passed: boolean;
  readonly why: string;
  readonly log: string;
  readonly exit: number | null;
  readonly isolation: Isolation;
  readonly engine: string;
  /** Digest of the dependency layer that was mounted. */
  readonly dependencies: string | null;
}

/** The outcome of a run that could not begin. */
export const nothingRan = (why: string, log = ''): Outcome => ({
  passed: false,
  why,
  log,
  exit: null,
  isolation: 'none',
  engine: 'nothing ran',
  dependencies: null,
});

const UNMET = ['dependencies.install', 'release.build', 'release.config'];

/** Turns what can't run, be installed or be built into an outcome; anything else is a defect and is thrown again. */
export function unmet(error: unknown): Outcome {
  const known =
    error instanceof SandboxUnavailable || (error instanceof ToolError && UNMET.includes(error.rule ?? ''));
  if (!known) throw error;
  return nothingRan(error.message, error.cause instanceof Error ? error.cause.message : '');
}

/** How a contained command ended, for a sentence. */
export const endOf = ({ exit, killedBy }: Pick<SandboxResult, 'exit' | 'killedBy'>): string =>
  killedBy === null ? `exit code ${exit}` : `ended by the limit on ${killedBy}`;

/** What a contained command printed, without terminal sequences and characters that no store keeps. */
export const printed = ({ stdout, stderr }: Pick<SandboxResult, 'stdout' | 'stderr'>): string =>
  `${stdout}\n${stderr}`
    .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .replaceAll('\0', '')
    .toWellFormed()
    .trim();
