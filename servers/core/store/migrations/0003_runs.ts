import type { Migration } from '../migrate.ts';

/** Columns are named as in `schema.ts`. What was taken before there was a runner has ended by now. */
export const runs: Migration = {
  version: 3,
  statements: ({ integer }) => [
    `alter table spawns add column host text`,
    `alter table spawns add column model text`,
    `alter table spawns add column session text`,
    `alter table spawns add column enrolment text`,
    `alter table spawns add column process text`,
    `alter table spawns add column turns ${integer} not null default 0`,
    `alter table spawns add column tokens ${integer} not null default 0`,
    `alter table spawns add column micros ${integer}`,
    `alter table spawns add column event_at ${integer}`,
    `alter table spawns add column ended_at ${integer}`,
    `alter table spawns add column outcome text`,
    `alter table spawns add column said text not null default ''`,
    `alter table spawns add column stop_why text`,
    `update spawns set state = 'ended', outcome = 'taken' where state = 'taken'`,
    `create index spawns_open on spawns (state, id) where state in ('queued', 'running')`,
    `create index spawns_started on spawns (taken_at)`,
    `create index spawns_task on spawns (task, id) where task is not null`,
  ],
};
