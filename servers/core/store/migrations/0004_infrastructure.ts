import type { Migration } from '../migrate.ts';

/** Columns are named as in `infrastructure_schema.ts`. */
export const infrastructure: Migration = {
  version: 4,
  statements: ({ id, integer }) => [
    `create table secrets (id ${id}, product text not null, target text not null, name text not null,
       value text not null, previous text, created_at ${integer} not null, rotated_at ${integer} not null)`,
    `create unique index secrets_name on secrets (product, target, name)`,
    `create table target_versions (id ${id}, target text not null, product text not null, version text not null,
       worker text not null, bundle text not null, remote text, config text not null, migrations text not null,
       created_at ${integer} not null)`,
    `create unique index target_versions_name on target_versions (target, product, version)`,
    `create index target_versions_worker on target_versions (target, worker, id)`,
    `create index target_versions_product on target_versions (target, product, id)`,
    `create index target_versions_remote on target_versions (target, remote) where remote is not null`,
    `create table rate_budgets (name text primary key, budget ${integer} not null, filled_at ${integer} not null,
       paused_until ${integer} not null)`,
  ],
};
