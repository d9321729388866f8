import type { Migration } from '../migrate.ts';

/**
 * What reviews of changes found, each tracked until it is fixed or refuted with evidence; and the model that a
 * review was made by, where a runner knows it.
 */
export const findings: Migration = {
  version: 6,
  statements: ({ id, integer }) => [
    `create table findings (id ${id}, review ${integer} not null references reviews(id), task ${integer} not null,
       pipeline ${integer}, diff text not null, place text not null, severity text not null, what text not null,
       state text not null, evidence text, answered_by ${integer} references reviews(id),
       created_at ${integer} not null)`,
    `create index findings_task on findings (task, state, id)`,
    `create index findings_pipeline on findings (pipeline, state, id)`,
    `alter table reviews add column model text`,
  ],
};
