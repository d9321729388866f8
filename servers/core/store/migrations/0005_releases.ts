import type { Migration } from '../migrate.ts';

/**
 * How far a release that is under way has come (`step`), the thresholds it is held to (`health`) and what each step
 * showed (`checks`), both as JSON; rows from before have none.
 */
export const releases: Migration = {
  version: 5,
  statements: () => [
    `alter table releases add column step text`,
    `alter table releases add column health text`,
    `alter table releases add column checks text`,
  ],
};
