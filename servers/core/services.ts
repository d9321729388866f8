import type { Clock } from './clock.ts';
import type { Applied } from './factory/applied.ts';
import type { JobQueue } from './jobs.ts';
import type { OsUser } from './os_user.ts';
import type { FactoryPaths } from './paths.ts';
import type { Sandbox } from './sandbox/sandbox.ts';
import type { FactoryKey } from './signing/factory_key.ts';
import type { Store } from './store/store.ts';
import type { SweepGuard } from './sweeper.ts';
import type { Target } from './target/target.ts';

/** What one server process has to work with. Everything heavy opens on first use. */
export interface Services {
  readonly paths: FactoryPaths;
  readonly store: Store;
  readonly clock: Clock;
  readonly sweepGuard: SweepGuard;
  readonly jobs: JobQueue;
  /** The user of the system that a session's agent runs as, where that is another than this process's (tier 2). */
  readonly runsAs: Map<string, OsUser>;
  /** The definition in force; reread when a human applied a newer one. */
  factory(version?: number): Promise<Applied>;
  sandbox(): Promise<Sandbox>;
  target(name: string): Promise<Target>;
  key(): Promise<FactoryKey>;
  /**
   * The values of a product's secrets at a target, for a version that is uploaded. Throws GATE_CLOSED with rule
   * `release.secret` that names those without a value. They are kept out of what this process prints.
   */
  secrets(of: { product: string; target: string; names: readonly string[] }): Promise<Record<string, string>>;
  /** What the servers of this process do when a session of this agent was opened; a fault is only logged. */
  sessionOpened?(agent: string): Promise<void>;
  /** For the operator, on stderr; never shown to an agent. */
  log(line: string): void;
}
