import type { Migration } from '../migrate.ts';

/** Columns are named as in `schema.ts`; `{id}` is the dialect's growing primary key. */
export const foundation: Migration = {
  version: 1,
  statements: ({ id, integer }) => [
    `create table enrolments (id text primary key, agent text not null, token_hash text not null unique,
       created_at ${integer} not null, expires_at ${integer}, revoked_at ${integer})`,
    `create table sessions (id text primary key, agent text not null, role text not null, root text not null,
       enrolment text references enrolments(id), token_hash text unique, opened_at ${integer} not null,
       expires_at ${integer} not null, beat_at ${integer} not null, progress_at ${integer} not null,
       ended_at ${integer}, revoked_at ${integer}, task ${integer}, fence ${integer})`,
    `create table leases (kind text not null, subject ${integer} not null, holder text, fence ${integer} not null,
       ends_at ${integer} not null, primary key (kind, subject))`,
    `create index leases_running on leases (ends_at) where holder is not null`,
    `create index leases_holder on leases (holder) where holder is not null`,
    `create table pipelines (id ${id}, name text not null, request text not null, definition text not null,
       state text not null, created_by text not null, created_at ${integer} not null,
       finished_at ${integer})`,
    `create table tasks (id ${id}, title text not null, description text not null, criteria text not null,
       stops text not null, role text not null, priority integer not null, state text not null,
       deps_left integer not null, lapses integer not null default 0, ready_at ${integer} not null,
       pipeline ${integer} references pipelines(id), phase text, step text, round integer not null,
       workspace text, outcome text, created_by text not null, created_at ${integer} not null,
       finished_at ${integer})`,
    `create index tasks_ready on tasks (role, priority, id) where state = 'ready'`,
    `create index tasks_backoff on tasks (ready_at) where state = 'waiting' and deps_left = 0`,
    `create index tasks_pipeline on tasks (pipeline, id) where pipeline is not null`,
    `create table task_links (task ${integer} not null references tasks(id), needs ${integer} not null
       references tasks(id), primary key (task, needs))`,
    `create index task_links_needs on task_links (needs)`,
    `create table artifacts (id ${id}, task ${integer} references tasks(id), pipeline ${integer}
       references pipelines(id), name text not null, media text not null, digest text not null,
       size ${integer} not null, body text not null, session text not null, agent text not null,
       root text not null, fence ${integer}, created_at ${integer} not null)`,
    `create index artifacts_task on artifacts (task, name)`,
    `create index artifacts_pipeline on artifacts (pipeline, name, id)`,
    `create index artifacts_digest on artifacts (digest)`,
    `create table task_inputs (task ${integer} not null references tasks(id), name text not null,
       artifact ${integer} not null references artifacts(id), primary key (task, name))`,
    `create table jobs (id ${id}, kind text not null, input text not null, state text not null, result text,
       session text not null, attempts integer not null, created_at ${integer} not null, finished_at ${integer})`,
    `create index jobs_open on jobs (kind, id) where state in ('queued', 'running')`,
    `create table submissions (id ${id}, task ${integer} not null references tasks(id), pipeline ${integer},
       fence ${integer} not null, commit_id text not null, tree_id text not null, base_commit text not null,
       diff_digest text not null, agent text not null, root text not null, session text not null,
       created_at ${integer} not null, merged_commit text, merged_at ${integer})`,
    `create index submissions_task on submissions (task, id)`,
    `create index submissions_pipeline on submissions (pipeline, id)`,
    `create index submissions_commit on submissions (commit_id)`,
    `create table gate_results (id ${id}, gate text not null, commit_id text not null, tree_id text not null,
       definition text not null, closed integer not null, isolation text not null, engine text not null,
       exit integer, log_digest text not null, log text not null, ms ${integer} not null, digest text not null,
       job ${integer}, created_at ${integer} not null)`,
    `create index gate_results_commit on gate_results (commit_id, gate, id)`,
    `create table reviews (id ${id}, subject text not null, target ${integer} not null, digest text not null,
       verdict text not null, body text not null, task ${integer}, session text not null, agent text not null,
       root text not null, created_at ${integer} not null)`,
    `create index reviews_target on reviews (subject, target, id)`,
    `create table checkpoints (id ${id}, name text not null, title text not null, artifact ${integer} not null
       references artifacts(id), digest text not null, pipeline ${integer}, task ${integer},
       requested_by text not null, requested_at ${integer} not null, expires_at ${integer} not null,
       nonce text not null unique, state text not null, human text, assurance text, signature text,
       decided_at ${integer})`,
    `create index checkpoints_open on checkpoints (state, id)`,
    `create index checkpoints_pipeline on checkpoints (pipeline, name, id)`,
    `create table humans (name text primary key, public_key text not null, fingerprint text not null unique,
       assurance text not null, added_at ${integer} not null, revoked_at ${integer})`,
    `create table factory_versions (id ${id}, digest text not null, body text not null, human text,
       assurance text not null, signature text, applied_at ${integer} not null)`,
    `create table plans (id ${id}, product text not null, target text not null, body text not null,
       digest text not null, state text not null, task ${integer}, pipeline ${integer}, agent text not null,
       root text not null, created_at ${integer} not null, result text)`,
    `create table verdicts (id ${id}, commit_id text not null, tree_id text not null, verdict text not null,
       reasons text not null, digest text not null, task ${integer}, pipeline ${integer}, agent text not null,
       root text not null, created_at ${integer} not null)`,
    `create index verdicts_commit on verdicts (commit_id, id)`,
    `create table releases (id ${id}, product text not null, commit_id text not null, version text not null,
       bundle text not null, target text not null, state text not null, url text, previous ${integer},
       pipeline ${integer}, task ${integer}, evidence text, created_at ${integer} not null)`,
    `create index releases_product on releases (product, id)`,
    `create table spawns (id ${id}, role text not null, agent text not null, task ${integer}, message text not null,
       state text not null, root text not null, requested_by text not null, requested_at ${integer} not null,
       taken_at ${integer})`,
    `create table kills (scope text primary key, reason text not null, at ${integer} not null)`,
    `create table refusals (session text not null, tool text not null, rule text not null,
       count integer not null, seq ${integer} not null, primary key (session, tool, rule))`,
    `create table activity (seq ${integer} primary key, at ${integer} not null, session text not null,
       agent text not null, role text not null, event text not null, tool text not null, subject text not null,
       rule text not null, code text not null, why text not null, body_digest text not null, body text,
       prev text not null, hash text not null)`,
    `create index activity_subject on activity (subject, seq)`,
  ],
  /** The record can only grow, and of a row that exists only the body may go. */
  sqlite: [
    `create trigger activity_grow before insert on activity
       when new.seq <> (select coalesce(max(seq), 0) + 1 from activity)
       begin select raise(abort, 'the record is append-only'); end`,
    `create trigger activity_keep before delete on activity
       begin select raise(abort, 'the record is append-only'); end`,
    `create trigger activity_freeze before update on activity
       when new.body is not null or new.seq <> old.seq or new.hash <> old.hash or new.prev <> old.prev
         or new.at <> old.at or new.session <> old.session or new.agent <> old.agent or new.role <> old.role
         or new.event <> old.event or new.tool <> old.tool or new.subject <> old.subject
         or new.rule <> old.rule or new.code <> old.code or new.why <> old.why
         or new.body_digest <> old.body_digest
       begin select raise(abort, 'the record is append-only'); end`,
  ],
  postgres: [
    `create function activity_frozen() returns trigger language plpgsql as $$
     begin
       if tg_op = 'UPDATE' and new.body is null and
          row(new.seq, new.at, new.session, new.agent, new.role, new.event, new.tool, new.subject, new.rule,
              new.code, new.why, new.body_digest, new.prev, new.hash) is not distinct from
          row(old.seq, old.at, old.session, old.agent, old.role, old.event, old.tool, old.subject, old.rule,
              old.code, old.why, old.body_digest, old.prev, old.hash) then
         return new;
       end if;
       raise exception 'the record is append-only';
     end $$`,
    `create trigger activity_keep before update or delete on activity
       for each row execute function activity_frozen()`,
    `create trigger activity_whole before truncate on activity
       for each statement execute function activity_frozen()`,
  ],
};
