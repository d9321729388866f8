import type { Generated } from 'kysely';

/** What lies at targets, and what is needed to get there. */
export interface InfrastructureSchema {
  secrets: Secrets;
  target_versions: TargetVersions;
  rate_budgets: RateBudgets;
}

/** A value that no agent sees; `product` is empty for one of the factory itself. */
export interface Secrets {
  id: Generated<number>;
  product: string;
  target: string;
  name: string;
  /** Sealed: see `core/secrets/seal.ts`. */
  value: string;
  /** The value before the last rotation, until that is ended; sealed. */
  previous: string | null;
  created_at: number;
  rotated_at: number;
}

/** A version that was brought to a target which knows it under an id of its own, null until that is known. */
export interface TargetVersions {
  id: Generated<number>;
  target: string;
  product: string;
  version: string;
  worker: string;
  bundle: string;
  remote: string | null;
  config: string;
  migrations: string;
  created_at: number;
}

/** What is left of an account's requests, in thousandths, when it was last counted. */
export interface RateBudgets {
  name: string;
  budget: number;
  filled_at: number;
  paused_until: number;
}
