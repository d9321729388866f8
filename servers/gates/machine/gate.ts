import type { Factory } from '../../core/factory/definition.ts';
import type { Repo } from '../../core/git/git.ts';
import type { Isolation, SandboxResult } from '../../core/sandbox/sandbox.ts';
import type { Services } from '../../core/services.ts';

/** What a machine gate judges: one exact commit against its parent. */
export interface GateRun {
  readonly services: Services;
  readonly factory: Factory;
  readonly authority: Repo;
  readonly commit: string;
  readonly parent: string;
  readonly signal: AbortSignal;
}

/** What a gate found. `why` is the server's own sentence; `log` may quote the project and is data. */
export interface GateOutcome {
  readonly passed: boolean;
  readonly why: string;
  readonly log: string;
  readonly exit: number | null;
  readonly isolation: Isolation;
  readonly engine: string;
  /** Digest of the dependency layer that was mounted. */
  readonly dependencies: string | null;
}

export type Gate = (run: GateRun) => Promise<GateOutcome>;

/** The outcome of a gate that only reads git objects: no project code runs, so nothing has to be contained. */
export function readOnly(found: Pick<GateOutcome, 'passed' | 'why'> & { log?: string }): GateOutcome {
  return { log: '', exit: null, isolation: 'full', engine: 'git', dependencies: null, ...found };
}

/** How a contained command ended, for a sentence. */
export function endOf(result: Pick<SandboxResult, 'exit' | 'killedBy'>): string {
  return result.killedBy === null ? `exit code ${result.exit}` : `ended by the limit on ${result.killedBy}`;
}

/** What a contained command printed, without terminal sequences and characters that no store keeps. */
export function printed(result: Pick<SandboxResult, 'stdout' | 'stderr'>): string {
  return `${result.stdout}\n${result.stderr}`
    .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .replaceAll('\0', '')
    .toWellFormed()
    .trim();
}
