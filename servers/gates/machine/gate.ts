import type { Factory } from '../../core/factory/definition.ts';
import type { Repo } from '../../core/git/git.ts';
import type { Outcome } from '../../core/outcome.ts';
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

export type Gate = (run: GateRun) => Promise<Outcome>;

/** The outcome of a gate that only reads git objects: no project code runs, so nothing has to be contained. */
export function readOnly(found: Pick<Outcome, 'passed' | 'why'> & { log?: string }): Outcome {
  return { log: '', exit: null, isolation: 'full', engine: 'git', dependencies: null, ...found };
}
