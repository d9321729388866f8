create table schema_version (version integer primary key);
create table enrolments (id text primary key, agent text not null, token_hash text not null unique,
       created_at bigint not null, expires_at bigint, revoked_at bigint);
create table sessions (id text primary key, agent text not null, role text not null, root text not null,
       enrolment text references enrolments(id), token_hash text unique, opened_at bigint not null,
       expires_at bigint not null, beat_at bigint not null, progress_at bigint not null,
       ended_at bigint, revoked_at bigint, task bigint, fence bigint);
create table leases (kind text not null, subject bigint not null, holder text, fence bigint not null,
       ends_at bigint not null, primary key (kind, subject));
create index leases_running on leases (ends_at) where holder is not null;
create index leases_holder on leases (holder) where holder is not null;
create table pipelines (id bigint generated always as identity primary key, name text not null, request text not null, definition text not null,
       state text not null, created_by text not null, created_at bigint not null,
       finished_at bigint);
create table tasks (id bigint generated always as identity primary key, title text not null, description text not null, criteria text not null,
       stops text not null, role text not null, priority integer not null, state text not null,
       deps_left integer not null, lapses integer not null default 0, ready_at bigint not null,
       pipeline bigint references pipelines(id), phase text, step text, round integer not null,
       workspace text, outcome text, created_by text not null, created_at bigint not null,
       finished_at bigint);
create index tasks_ready on tasks (role, priority, id) where state = 'ready';
create index tasks_backoff on tasks (ready_at) where state = 'waiting' and deps_left = 0;
create index tasks_pipeline on tasks (pipeline, id) where pipeline is not null;
create table task_links (task bigint not null references tasks(id), needs bigint not null
       references tasks(id), primary key (task, needs));
create index task_links_needs on task_links (needs);
create table artifacts (id bigint generated always as identity primary key, task bigint references tasks(id), pipeline bigint
       references pipelines(id), name text not null, media text not null, digest text not null,
       size bigint not null, body text not null, session text not null, agent text not null,
       root text not null, fence bigint, created_at bigint not null);
create index artifacts_task on artifacts (task, name);
create index artifacts_pipeline on artifacts (pipeline, name, id);
create index artifacts_digest on artifacts (digest);
create table task_inputs (task bigint not null references tasks(id), name text not null,
       artifact bigint not null references artifacts(id), primary key (task, name));
create table jobs (id bigint generated always as identity primary key, kind text not null, input text not null, state text not null, result text,
       session text not null, attempts integer not null, created_at bigint not null, finished_at bigint);
create index jobs_open on jobs (kind, id) where state in ('queued', 'running');
create table submissions (id bigint generated always as identity primary key, task bigint not null references tasks(id), pipeline bigint,
       fence bigint not null, commit_id text not null, tree_id text not null, base_commit text not null,
       diff_digest text not null, agent text not null, root text not null, session text not null,
       created_at bigint not null, merged_commit text, merged_at bigint);
create index submissions_task on submissions (task, id);
create index submissions_pipeline on submissions (pipeline, id);
create index submissions_commit on submissions (commit_id);
create table gate_results (id bigint generated always as identity primary key, gate text not null, commit_id text not null, tree_id text not null,
       definition text not null, closed integer not null, isolation text not null, engine text not null,
       exit integer, log_digest text not null, log text not null, ms bigint not null, digest text not null,
       job bigint, created_at bigint not null);
create index gate_results_commit on gate_results (commit_id, gate, id);
create table reviews (id bigint generated always as identity primary key, subject text not null, target bigint not null, digest text not null,
       verdict text not null, body text not null, task bigint, session text not null, agent text not null,
       root text not null, created_at bigint not null);
create index reviews_target on reviews (subject, target, id);
create table checkpoints (id bigint generated always as identity primary key, name text not null, title text not null, artifact bigint not null
       references artifacts(id), digest text not null, pipeline bigint, task bigint,
       requested_by text not null, requested_at bigint not null, expires_at bigint not null,
       nonce text not null unique, state text not null, human text, assurance text, signature text,
       decided_at bigint);
create index checkpoints_open on checkpoints (state, id);
create index checkpoints_pipeline on checkpoints (pipeline, name, id);
create table humans (name text primary key, public_key text not null, fingerprint text not null unique,
       assurance text not null, added_at bigint not null, revoked_at bigint);
create table factory_versions (id bigint generated always as identity primary key, digest text not null, body text not null, human text,
       assurance text not null, signature text, applied_at bigint not null);
create table plans (id bigint generated always as identity primary key, product text not null, target text not null, body text not null,
       digest text not null, state text not null, task bigint, pipeline bigint, agent text not null,
       root text not null, created_at bigint not null, result text);
create table verdicts (id bigint generated always as identity primary key, commit_id text not null, tree_id text not null, verdict text not null,
       reasons text not null, digest text not null, task bigint, pipeline bigint, agent text not null,
       root text not null, created_at bigint not null);
create index verdicts_commit on verdicts (commit_id, id);
create table releases (id bigint generated always as identity primary key, product text not null, commit_id text not null, version text not null,
       bundle text not null, target text not null, state text not null, url text, previous bigint,
       pipeline bigint, task bigint, evidence text, created_at bigint not null);
create index releases_product on releases (product, id);
create table spawns (id bigint generated always as identity primary key, role text not null, agent text not null, task bigint, message text not null,
       state text not null, root text not null, requested_by text not null, requested_at bigint not null,
       taken_at bigint);
create table kills (scope text primary key, reason text not null, at bigint not null);
create table refusals (session text not null, tool text not null, rule text not null,
       count integer not null, seq bigint not null, primary key (session, tool, rule));
create table activity (seq bigint primary key, at bigint not null, session text not null,
       agent text not null, role text not null, event text not null, tool text not null, subject text not null,
       rule text not null, code text not null, why text not null, body_digest text not null, body text,
       prev text not null, hash text not null);
create index activity_subject on activity (subject, seq);
create function activity_frozen() returns trigger language plpgsql as $$
     begin
       if tg_op = 'UPDATE' and new.body is null and
          row(new.seq, new.at, new.session, new.agent, new.role, new.event, new.tool, new.subject, new.rule,
              new.code, new.why, new.body_digest, new.prev, new.hash) is not distinct from
          row(old.seq, old.at, old.session, old.agent, old.role, old.event, old.tool, old.subject, old.rule,
              old.code, old.why, old.body_digest, old.prev, old.hash) then
         return new;
       end if;
       raise exception 'the record is append-only';
     end $$;
create trigger activity_keep before update or delete on activity
       for each row execute function activity_frozen();
create trigger activity_whole before truncate on activity
       for each statement execute function activity_frozen();
insert into schema_version (version) values (1);
alter table tasks add column started_at bigint;
create table memories (id bigint generated always as identity primary key, agent text not null, role text not null, kind text not null,
       text text not null, aliases text not null default '', neighbours text not null default '',
       tags text not null default '', origin text not null, trust text not null, source text, session text,
       task bigint, commit_id text, private integer not null default 0, recorded_at bigint not null,
       valid_from bigint not null, valid_to bigint, superseded_by bigint, digest text not null,
       foreign_id text);
create unique index memories_foreign on memories (foreign_id) where foreign_id is not null;
create index memories_live on memories (agent, kind, id) where valid_to is null;
create index memories_twin on memories (digest) where valid_to is null;
create index memories_agent on memories (agent, recorded_at, id);
create index memories_session on memories (session, id) where session is not null;
create index memories_task on memories (task, id) where task is not null;
create index reviews_task on reviews (task) where task is not null;
create table memory_vectors (memory bigint not null references memories(id), model text not null,
       vector text not null, primary key (memory, model));
create table entities (id bigint generated always as identity primary key, name text not null unique);
create table memory_entities (memory bigint not null references memories(id),
       entity bigint not null references entities(id), primary key (memory, entity));
create index memory_entities_entity on memory_entities (entity, memory);
create table relations (id bigint generated always as identity primary key, source bigint not null references entities(id), relation text not null,
       target bigint not null references entities(id), memory bigint not null references memories(id));
create index relations_source on relations (source);
create index relations_target on relations (target);
create table memory_files (agent text primary key, body text not null, digest text not null,
       rendered_at bigint not null);
create table state_cards (id text primary key, agent text not null, session text not null, task bigint,
       body text not null, created_at bigint not null);
create index state_cards_agent on state_cards (agent, created_at);
create table lessons (id bigint generated always as identity primary key, root_cause text not null, fix text not null, prevention text not null,
       paths text not null, commands text not null, signatures text not null, evidence text not null,
       origin text not null, trust text not null, state text not null, agent text not null, role text not null,
       session text, task bigint, superseded_by bigint, created_at bigint not null);
create index lessons_state on lessons (state, id);
create table lesson_uses (id bigint generated always as identity primary key, lesson bigint not null references lessons(id), task bigint not null,
       session text not null, matched_by text not null, given_at bigint not null, outcome text,
       decided_at bigint, unique (lesson, task));
create index lesson_uses_task on lesson_uses (task);
create table role_words (id bigint generated always as identity primary key, role text not null, part text not null, body text not null,
       digest text not null, task bigint not null, author text not null, reviewer text not null,
       state text not null, before text not null, after text, from_at bigint not null, until_at bigint);
create index role_words_in_force on role_words (role, part, id);
create table estimates (task bigint primary key references tasks(id), pipeline bigint,
       phase text not null, role text not null, predicted_ms bigint not null, actual_ms bigint,
       predicted_at bigint not null, finished_at bigint);
create index estimates_of on estimates (role, phase, finished_at);
create index estimates_pipeline on estimates (pipeline);
create index pipelines_name on pipelines (name, id);
create index tasks_open on tasks (id) where state in ('waiting', 'ready', 'active', 'blocked');
create index verdicts_task on verdicts (task);
create index plans_task on plans (task);
create index submissions_merged on submissions (merged_at) where merged_at is not null;
alter table memories add column words tsvector generated always as (
       setweight(to_tsvector('english', regexp_replace(text, '[^[:alnum:]\u00c0-\u1fff\u3040-\U0010ffff]+', ' ', 'g')), 'A') ||
       setweight(to_tsvector('english', regexp_replace(aliases, '[^[:alnum:]\u00c0-\u1fff\u3040-\U0010ffff]+', ' ', 'g')), 'B') ||
       setweight(to_tsvector('english', regexp_replace(tags, '[^[:alnum:]\u00c0-\u1fff\u3040-\U0010ffff]+', ' ', 'g')), 'C') ||
       setweight(to_tsvector('english', regexp_replace(neighbours, '[^[:alnum:]\u00c0-\u1fff\u3040-\U0010ffff]+', ' ', 'g')), 'D')) stored;
create index memories_words on memories using gin (words);
create function memory_kept() returns trigger language plpgsql as $$
       begin raise exception 'memory is superseded, not deleted'; end $$;
create trigger memories_keep before delete or truncate on memories
       for each statement execute function memory_kept();
create function append_activity(at bigint, session text, agent text, role text, event text, tool text,
       subject text, rule text, code text, why text, body_digest text, body text, covered text)
       returns bigint language plpgsql as $$
       declare
         place bigint;
         head text;
       begin
         perform pg_advisory_xact_lock(1380270927);
         select seq, hash into place, head from activity order by seq desc limit 1;
         place := coalesce(place, 0) + 1;
         head := coalesce(head, repeat('0', 64));
         insert into activity values (place, at, session, agent, role, event, tool, subject, rule, code, why, body_digest,
           body, head, encode(sha256(convert_to(head || '[' || place || ',' || covered, 'UTF8')), 'hex'));
         return place;
       end $$;
insert into schema_version (version) values (2);
alter table spawns add column host text;
alter table spawns add column model text;
alter table spawns add column session text;
alter table spawns add column enrolment text;
alter table spawns add column process text;
alter table spawns add column turns bigint not null default 0;
alter table spawns add column tokens bigint not null default 0;
alter table spawns add column micros bigint;
alter table spawns add column event_at bigint;
alter table spawns add column ended_at bigint;
alter table spawns add column outcome text;
alter table spawns add column said text not null default '';
alter table spawns add column stop_why text;
update spawns set state = 'ended', outcome = 'taken' where state = 'taken';
create index spawns_open on spawns (state, id) where state in ('queued', 'running');
create index spawns_started on spawns (taken_at);
create index spawns_task on spawns (task, id) where task is not null;
insert into schema_version (version) values (3);
create table secrets (id bigint generated always as identity primary key, product text not null, target text not null, name text not null,
       value text not null, previous text, created_at bigint not null, rotated_at bigint not null);
create unique index secrets_name on secrets (product, target, name);
create table target_versions (id bigint generated always as identity primary key, target text not null, product text not null, version text not null,
       worker text not null, bundle text not null, remote text, config text not null, migrations text not null,
       created_at bigint not null);
create unique index target_versions_name on target_versions (target, product, version);
create index target_versions_worker on target_versions (target, worker, id);
create index target_versions_product on target_versions (target, product, id);
create index target_versions_remote on target_versions (target, remote) where remote is not null;
create table rate_budgets (name text primary key, budget bigint not null, filled_at bigint not null,
       paused_until bigint not null);
insert into schema_version (version) values (4);
alter table releases add column step text;
alter table releases add column health text;
alter table releases add column checks text;
insert into schema_version (version) values (5);
insert into "activity" ("agent", "at", "body", "body_digest", "code", "event", "hash", "prev", "role", "rule", "seq", "session", "subject", "tool", "why") overriding system value values ('ägent 1', 1700000000001, '{"entry":1,"text":"Ünï"}', '0f8d9dd90f40e0cb767e0d6961c7656b98b818a9c532600714d597b9326afc1a', '', 'call', 'b426f4c62fdb173ef602904ee92138224ab4c2e07e8443579d51c1c445a18781', '0000000000000000000000000000000000000000000000000000000000000000', 'server', '', 1, 'server', '', '', 'it''s "so" 𝄞 1');
insert into "activity" ("agent", "at", "body", "body_digest", "code", "event", "hash", "prev", "role", "rule", "seq", "session", "subject", "tool", "why") overriding system value values ('ägent 2', 1700000000002, null, 'ac2888ff44f202431955cbc1f260a93e489190411c777f36ca327958bd138fc3', '', 'call', 'b02ea71f64e7b5ad5817873634adefffa7d88909f84d61c23a4bdae9d040ee62', 'b426f4c62fdb173ef602904ee92138224ab4c2e07e8443579d51c1c445a18781', 'server', '', 2, 'server', '', '', 'it''s "so" 𝄞 2');
insert into "activity" ("agent", "at", "body", "body_digest", "code", "event", "hash", "prev", "role", "rule", "seq", "session", "subject", "tool", "why") overriding system value values ('ägent 3', 1700000000003, '{"entry":3,"text":"Ünï"}', 'c3cefc4c9da0a5e652dea7a487c9196c9cbb99c0e3528994e144bf97e9d3dd8f', '', 'call', '7f29724c2c68576b142f8c90caea2d11810377a0d75192605122ce76c53961ba', 'b02ea71f64e7b5ad5817873634adefffa7d88909f84d61c23a4bdae9d040ee62', 'server', '', 3, 'server', '', '', 'it''s "so" 𝄞 3');
insert into "activity" ("agent", "at", "body", "body_digest", "code", "event", "hash", "prev", "role", "rule", "seq", "session", "subject", "tool", "why") overriding system value values ('ägent 4', 1700000000004, '{"entry":4,"text":"Ünï"}', 'c2d647d1a019279e8b65730a98d273e2b07ddf406ba550568f8c6639c46c7f98', '', 'call', 'c8fbcbcc597e5ca6bdb00f288b71b2aaf17bb1f3926deeef26f12738889eac50', '7f29724c2c68576b142f8c90caea2d11810377a0d75192605122ce76c53961ba', 'server', '', 4, 'server', '', '', 'it''s "so" 𝄞 4');
insert into "activity" ("agent", "at", "body", "body_digest", "code", "event", "hash", "prev", "role", "rule", "seq", "session", "subject", "tool", "why") overriding system value values ('ägent 5', 1700000000005, '{"entry":5,"text":"Ünï"}', '81bef4e0261a188074408841b75d0599a75f34c6fd81b5cee6c1f3eea00c129c', '', 'call', '5c0429d0e65fe49ef48f1decb7b3158f77c1d3d2b6a89c028fe3374d241ece4e', 'c8fbcbcc597e5ca6bdb00f288b71b2aaf17bb1f3926deeef26f12738889eac50', 'server', '', 5, 'server', '', '', 'it''s "so" 𝄞 5');
insert into "pipelines" ("created_at", "created_by", "definition", "finished_at", "id", "name", "request", "state") overriding system value values (1700000000001, 'pipelines.created_by aA1 Ü𝄞 ''"\%s
', '{}', 1700000000001, 1, 'pipelines.name aA1 Ü𝄞 ''"\%s
', 'pipelines.request aA1 Ü𝄞 ''"\%s
', 'running');
insert into "pipelines" ("created_at", "created_by", "definition", "finished_at", "id", "name", "request", "state") overriding system value values (1700000000002, 'pipelines.created_by Zz2 Ü𝄞 ''"\%s
', '{}', null, 2, 'pipelines.name Zz2 Ü𝄞 ''"\%s
', 'pipelines.request Zz2 Ü𝄞 ''"\%s
', 'running');
select setval(pg_get_serial_sequence('pipelines', 'id'), 10, false);
insert into "tasks" ("created_at", "created_by", "criteria", "deps_left", "description", "finished_at", "id", "lapses", "outcome", "phase", "pipeline", "priority", "ready_at", "role", "round", "started_at", "state", "step", "stops", "title", "workspace") overriding system value values (1700000000001, 'tasks.created_by aA1 Ü𝄞 ''"\%s
', '["one","two"]', 41, 'tasks.description aA1 Ü𝄞 ''"\%s
', null, 1, 41, 'tasks.outcome aA1 Ü𝄞 ''"\%s
', 'tasks.phase aA1 Ü𝄞 ''"\%s
', 1, 41, 1700000000001, 'developer', 41, 1700000000001, 'active', 'tasks.step aA1 Ü𝄞 ''"\%s
', '["one","two"]', 'tasks.title aA1 Ü𝄞 ''"\%s
', 'tasks.workspace aA1 Ü𝄞 ''"\%s
');
insert into "tasks" ("created_at", "created_by", "criteria", "deps_left", "description", "finished_at", "id", "lapses", "outcome", "phase", "pipeline", "priority", "ready_at", "role", "round", "started_at", "state", "step", "stops", "title", "workspace") overriding system value values (1700000000002, 'tasks.created_by Zz2 Ü𝄞 ''"\%s
', '["one","two"]', 42, 'tasks.description Zz2 Ü𝄞 ''"\%s
', null, 2, 42, null, null, 2, 42, 1700000000002, 'developer', 42, null, 'ready', null, '["one","two"]', 'tasks.title Zz2 Ü𝄞 ''"\%s
', null);
select setval(pg_get_serial_sequence('tasks', 'id'), 10, false);
insert into "artifacts" ("agent", "body", "created_at", "digest", "fence", "id", "media", "name", "pipeline", "root", "session", "size", "task") overriding system value values ('artifacts.agent aA1 Ü𝄞 ''"\%s
', 'artifacts.body aA1 Ü𝄞 ''"\%s
', 1700000000001, 'artifacts.digest aA1 Ü𝄞 ''"\%s
', 41, 1, 'artifacts.media aA1 Ü𝄞 ''"\%s
', 'artifacts.name aA1 Ü𝄞 ''"\%s
', 1, 'artifacts.root aA1 Ü𝄞 ''"\%s
', 'artifacts.session aA1 Ü𝄞 ''"\%s
', 41, 1);
insert into "artifacts" ("agent", "body", "created_at", "digest", "fence", "id", "media", "name", "pipeline", "root", "session", "size", "task") overriding system value values ('artifacts.agent Zz2 Ü𝄞 ''"\%s
', 'artifacts.body Zz2 Ü𝄞 ''"\%s
', 1700000000002, 'artifacts.digest Zz2 Ü𝄞 ''"\%s
', null, 2, 'artifacts.media Zz2 Ü𝄞 ''"\%s
', 'artifacts.name Zz2 Ü𝄞 ''"\%s
', 2, 'artifacts.root Zz2 Ü𝄞 ''"\%s
', 'artifacts.session Zz2 Ü𝄞 ''"\%s
', 42, 2);
select setval(pg_get_serial_sequence('artifacts', 'id'), 10, false);
insert into "checkpoints" ("artifact", "assurance", "decided_at", "digest", "expires_at", "human", "id", "name", "nonce", "pipeline", "requested_at", "requested_by", "signature", "state", "task", "title") overriding system value values (1, 'checkpoints.assurance aA1 Ü𝄞 ''"\%s
', 1700000000001, 'checkpoints.digest aA1 Ü𝄞 ''"\%s
', 1700000000001, 'checkpoints.human aA1 Ü𝄞 ''"\%s
', 1, 'checkpoints.name aA1 Ü𝄞 ''"\%s
', 'checkpoints.nonce aA1 Ü𝄞 ''"\%s
', 41, 1700000000001, 'checkpoints.requested_by aA1 Ü𝄞 ''"\%s
', 'checkpoints.signature aA1 Ü𝄞 ''"\%s
', 'checkpoints.state aA1 Ü𝄞 ''"\%s
', 41, 'checkpoints.title aA1 Ü𝄞 ''"\%s
');
insert into "checkpoints" ("artifact", "assurance", "decided_at", "digest", "expires_at", "human", "id", "name", "nonce", "pipeline", "requested_at", "requested_by", "signature", "state", "task", "title") overriding system value values (2, null, null, 'checkpoints.digest Zz2 Ü𝄞 ''"\%s
', 1700000000002, null, 2, 'checkpoints.name Zz2 Ü𝄞 ''"\%s
', 'checkpoints.nonce Zz2 Ü𝄞 ''"\%s
', null, 1700000000002, 'checkpoints.requested_by Zz2 Ü𝄞 ''"\%s
', null, 'checkpoints.state Zz2 Ü𝄞 ''"\%s
', null, 'checkpoints.title Zz2 Ü𝄞 ''"\%s
');
select setval(pg_get_serial_sequence('checkpoints', 'id'), 10, false);
insert into "enrolments" ("agent", "created_at", "expires_at", "id", "revoked_at", "token_hash") overriding system value values ('enrolments.agent aA1 Ü𝄞 ''"\%s
', 1700000000001, 1700000000001, 'enrolments.id aA1 Ü𝄞 ''"\%s
', null, 'enrolments.token_hash aA1 Ü𝄞 ''"\%s
');
insert into "enrolments" ("agent", "created_at", "expires_at", "id", "revoked_at", "token_hash") overriding system value values ('enrolments.agent Zz2 Ü𝄞 ''"\%s
', 1700000000002, null, 'enrolments.id Zz2 Ü𝄞 ''"\%s
', null, 'enrolments.token_hash Zz2 Ü𝄞 ''"\%s
');
insert into "entities" ("id", "name") overriding system value values (1, 'entities.name aA1 Ü𝄞 ''"\%s
');
insert into "entities" ("id", "name") overriding system value values (2, 'entities.name Zz2 Ü𝄞 ''"\%s
');
select setval(pg_get_serial_sequence('entities', 'id'), 10, false);
insert into "estimates" ("actual_ms", "finished_at", "phase", "pipeline", "predicted_at", "predicted_ms", "role", "task") overriding system value values (41, 1700000000001, 'estimates.phase aA1 Ü𝄞 ''"\%s
', 41, 1700000000001, 41, 'estimates.role aA1 Ü𝄞 ''"\%s
', 1);
insert into "estimates" ("actual_ms", "finished_at", "phase", "pipeline", "predicted_at", "predicted_ms", "role", "task") overriding system value values (null, null, 'estimates.phase Zz2 Ü𝄞 ''"\%s
', null, 1700000000002, 42, 'estimates.role Zz2 Ü𝄞 ''"\%s
', 2);
insert into "factory_versions" ("applied_at", "assurance", "body", "digest", "human", "id", "signature") overriding system value values (1700000000001, 'factory_versions.assurance aA1 Ü𝄞 ''"\%s
', '{"factory.yaml":"# yaml-language-server: $schema=./factory.schema.json\nfactory: solo\ntitle: Four roles and a human\nlead: ceo\npipelines: [product, feature, fix, words]\n\n# What the pipelines give to other roles falls to these four, so that nobody judges their own work.\nstands_in:\n  cmo: ceo\n  coo: ceo\n  growth: ceo\n  cto: reviewer\n  principal-engineer: reviewer\n  trend: qa\n  infra: qa\n\nroles:\n  ceo:\n    title: Lead\n    agents: [ceo]\n    may: [task:read, task:work, task:plan, pipeline:read, agent:spawn, artifact:review, checkpoint:request,\n      memory:own]\n    recalls: [reviewer]\n    spawns: [developer, reviewer, qa]\n  developer:\n    title: Developer\n    agents: [developer, developer-2]\n    may: [task:read, task:work, agent:beat, change:read, change:submit, memory:own, lesson:record]\n    recalls: [developer, reviewer]\n    writes: [''**'']\n  reviewer:\n    title: Architect and reviewer\n    agents: [reviewer]\n    may: [task:read, task:work, artifact:review, change:read, review:submit, change:merge, infra:read, infra:approve,\n      release:read, release:verify, release:rollback, memory:own, memory:link, lesson:record]\n    recalls: [developer, qa]\n  qa:\n    title: Quality assurance and operations\n    agents: [qa]\n    may: [task:read, task:work, change:submit, qa:run, qa:verdict, infra:propose, infra:apply, release:cut,\n      memory:own, lesson:record]\n    writes: [''test/**'', ''tests/**'', ''e2e/**'']\n\nlease:\n  beat: 60\n  progress: 3600\n  lapses: 3\n\nmemory:\n  required: true\n  lines: 120\n  tokens: 3000\n  per_day: 200\n\ngates:\n  smoke:\n    command: [node, --run, test]\n    seconds: 300\n  consistency:\n    seconds: 300\n  docs:\n    code: [''src/**'', ''lib/**'', ''app/**'', ''migrations/**'']\n    docs: [''README.md'', ''CHANGELOG.md'', ''docs/**'']\n\nmerge:\n  needs: [smoke, consistency, docs, rollback, scan, review, qa]\n","pipelines/product.yaml":"# yaml-language-server: $schema=../pipeline.schema.json\npipeline: product\ntitle: From a signal to a verified product\nrounds: 3\nphases:\n  - id: trend\n    name: Trend scan\n    on_failure: drop\n    steps:\n      - id: scan\n        role: trend\n        title: Score the opportunity\n        description: Score market size, competition, feasibility and fit from 1 to 10 each, with the evidence.\n        criteria: [''Each of the four scores names its evidence and where it was found'', ''The scores add up to 30 or more, or the answer is no'']\n        stops: [''The evidence does not carry a score of 30: complete with outcome failed'']\n        writes: [brief]\n        min_score: 30\n      - id: accept-brief\n        role: ceo\n        title: Accept or kill the opportunity\n        criteria: [''The brief is accepted or rejected with a reason'', ''The human has decided on the opportunity brief'']\n        stops: [''The human says no'']\n        after: [scan]\n        reads: [brief]\n        accepts: [brief]\n        checkpoint: { name: opportunity-brief, artifact: brief }\n  - id: spec\n    name: Spec gate\n    on_failure: spec\n    steps:\n      - id: write-spec\n        role: cto\n        title: Write the specification\n        criteria: [''Scope, data model, endpoints, acceptance criteria and stop conditions are stated'', ''Each acceptance criterion can be observed from outside'']\n        stops: [''A criterion cannot be made observable: ask with task_block'']\n        reads: [brief]\n        writes: [spec]\n      - id: position\n        role: cmo\n        title: Name and position the product\n        criteria: [''Name, one sentence of positioning and the page copy are stated'', ''The human has decided on name and positioning'']\n        stops: [''The human says no'']\n        reads: [brief]\n        writes: [positioning]\n        checkpoint: { name: name-and-positioning, artifact: positioning }\n      - id: accept-spec\n        role: ceo\n        title: Accept or reject the specification\n        criteria: [''The spec is accepted or rejected with a reason'', ''The human has decided on the product spec'']\n        stops: [''The human says no'']\n        after: [write-spec]\n        reads: [brief, spec]\n        accepts: [spec]\n        checkpoint: { name: product-spec, artifact: spec }\n  - id: infrastructure\n    name: Infrastructure\n    on_failure: infrastructure\n    steps:\n      - id: propose-infra\n        role: infra\n        title: Propose the infrastructure\n        criteria: [''A plan names every resource the spec needs and no other'']\n        stops: [''The spec does not say what is stored'']\n        reads: [spec]\n        closes: [plan-proposed]\n      - id: approve-infra\n        role: cto\n        title: Approve or reject the plan\n        criteria: [''The plan is approved or rejected with a reason'']\n        stops: [''The plan asks for more than the spec'']\n        after: [propose-infra]\n        reads: [spec]\n        closes: [plan-approved]\n      - id: apply-infra\n        role: infra\n        title: Have the approved plan applied\n        criteria: [''Every resource of the plan exists'']\n        stops: [''Reality differs from the plan'']\n        after: [approve-infra]\n        reads: [spec]\n        writes: [resources]\n        closes: [plan-applied]\n  - id: build\n    name: Build\n    on_failure: build\n    steps:\n      - id: dispatch\n        role: coo\n        title: Dispatch the build\n        criteria: [''The build has an agent, an order and a stop condition'']\n        stops: [''No developer can be run'']\n        reads: [spec]\n        writes: [dispatch]\n      - id: build\n        role: developer\n        title: Build the change\n        criteria: [''Every acceptance criterion of the spec holds'', ''Smoke, consistency, docs, rollback and scan are closed on the submitted commit'']\n        stops: [''The spec contradicts itself: task_block, quoting both places'']\n        after: [dispatch]\n        reads: [spec, positioning, resources]\n        closes: [smoke, consistency, docs, rollback, scan]\n  - id: review\n    name: Review\n    on_failure: build\n    steps:\n      - id: review\n        role: principal-engineer\n        title: Read every diff\n        criteria: [''Every changed file was read'', ''The change is accepted or rejected with file and line'']\n        stops: [''The diff cannot be read whole'']\n        reads: [spec]\n        closes: [review]\n  - id: qa\n    name: QA\n    on_failure: build\n    steps:\n      - id: qa\n        role: qa\n        title: Try to break it\n        criteria: [''The suite and the probe ran on the submitted commit'', ''The verdict is PASS or FAIL'']\n        stops: [''The product cannot be started for a reason outside the change: task_block'']\n        reads: [spec]\n        writes: [qa-report]\n        closes: [qa]\n  - id: deploy\n    name: Deploy\n    on_failure: rollback\n    steps:\n      - id: land\n        role: principal-engineer\n        title: Have the change merged\n        criteria: [''Mainline is the commit that passed every gate'']\n        stops: [''A gate is open'']\n        closes: [merged]\n      - id: release\n        role: infra\n        title: Release the merged commit\n        criteria: [''The release answers at its URL'']\n        stops: [''The release is refused'']\n        after: [land]\n        reads: [resources]\n        closes: [released]\n  - id: verify\n    name: Verify\n    on_failure: rollback\n    steps:\n      - id: verify\n        role: cto\n        title: Verify every endpoint\n        criteria: [''Every endpoint of the spec answers as promised on the live release'']\n        stops: [''An endpoint does not hold: the server rolls back'']\n        reads: [spec]\n        closes: [verified]\n      - id: launch-plan\n        role: cmo\n        title: Write the launch plan\n        criteria: [''Channels, message and first week are stated'', ''The human has decided on the launch plan'']\n        stops: [''The human says no'']\n        after: [verify]\n        reads: [positioning]\n        writes: [launch-plan]\n        checkpoint: { name: launch-plan, artifact: launch-plan }\n      - id: seo-audit\n        role: growth\n        title: Audit how the product is found\n        criteria: [''Title, description, headings and structured data of each public page are judged'']\n        stops: [''The product does not answer'']\n        after: [verify]\n        reads: [positioning]\n        writes: [seo-audit]\n","pipelines/feature.yaml":"# yaml-language-server: $schema=../pipeline.schema.json\npipeline: feature\ntitle: From one sentence to a merged feature\nrounds: 3\nphases:\n  - id: requirements\n    name: REQ\n    on_failure: drop\n    steps:\n      - id: requirements\n        role: ceo\n        title: State the requirements\n        criteria: [''Acceptance criteria, edge cases and scope are stated, each observable from outside'']\n        stops: [''The request cannot be stated without a decision of the human'']\n        writes: [requirements]\n  - id: analysis\n    name: ANA\n    on_failure: requirements\n    steps:\n      - id: analysis\n        role: cto\n        title: Analyse feasibility and risks\n        criteria: [''What is affected, what can break and what stays untouched are stated'']\n        stops: [''The requirements contradict what exists'']\n        reads: [requirements]\n        writes: [analysis]\n  - id: design\n    name: DES\n    on_failure: analysis\n    steps:\n      - id: design\n        role: cto\n        title: Design the change\n        criteria: [''Data models, contracts and layout are stated so that nothing is left to explore'']\n        stops: [''Two designs differ in what the user sees'']\n        reads: [requirements, analysis]\n        writes: [design]\n      - id: accept-design\n        role: ceo\n        title: Accept or reject the design\n        criteria: [''The design is accepted or rejected with a reason'']\n        stops: [''The design changes the scope'']\n        after: [design]\n        reads: [requirements, design]\n        accepts: [design]\n  - id: implementation\n    name: IMP\n    on_failure: design\n    steps:\n      - id: implement\n        role: developer\n        title: Execute the design\n        criteria: [''Every acceptance criterion holds'', ''The machine gates are closed on the submitted commit'']\n        stops: [''The design is wrong or silent: task_block, quoting the place'']\n        reads: [design]\n        closes: [smoke, consistency, docs, rollback, scan]\n  - id: review\n    name: Review\n    on_failure: implementation\n    steps:\n      - id: review\n        role: principal-engineer\n        title: Review against the design\n        criteria: [''The change is accepted or rejected with file and line'']\n        stops: [''The diff cannot be read whole'']\n        reads: [requirements, design]\n        closes: [review]\n  - id: test\n    name: TEST\n    on_failure: implementation\n    steps:\n      - id: test\n        role: qa\n        title: Test against the requirements\n        criteria: [''Each acceptance criterion was observed on the submitted commit'', ''The verdict is PASS or FAIL'']\n        stops: [''A criterion cannot be observed'']\n        reads: [requirements]\n        writes: [qa-report]\n        closes: [qa]\n      - id: land\n        role: principal-engineer\n        title: Have the change merged\n        criteria: [''Mainline is the commit that passed every gate'']\n        stops: [''A gate is open'']\n        after: [test]\n        closes: [merged]\n","pipelines/fix.yaml":"# yaml-language-server: $schema=../pipeline.schema.json\npipeline: fix\ntitle: From a fault to its verified repair\nrounds: 3\nphases:\n  - id: reproduce\n    name: Reproduce\n    on_failure: drop\n    steps:\n      - id: reproduce\n        role: qa\n        title: Reproduce the fault\n        criteria: [''Steps, expected and seen are stated on a named commit'']\n        stops: [''The fault does not appear in three honest tries'']\n        writes: [bug-report]\n  - id: fix\n    name: Fix\n    on_failure: fix\n    steps:\n      - id: fix\n        role: developer\n        title: Repair the root cause\n        criteria: [''A test fails without the repair and passes with it'', ''The machine gates are closed on the submitted commit'']\n        stops: [''The repair needs a change of the specification'']\n        reads: [bug-report]\n        closes: [smoke, consistency, docs, rollback, scan]\n  - id: review\n    name: Review\n    on_failure: fix\n    steps:\n      - id: review\n        role: principal-engineer\n        title: Review the repair\n        criteria: [''The change is accepted or rejected with file and line'']\n        stops: [''The diff cannot be read whole'']\n        reads: [bug-report]\n        closes: [review]\n  - id: test\n    name: Test\n    on_failure: fix\n    steps:\n      - id: test\n        role: qa\n        title: Show that the fault is gone\n        criteria: [''The steps of the report no longer show the fault'', ''The verdict is PASS or FAIL'']\n        stops: [''The steps cannot be repeated'']\n        reads: [bug-report]\n        writes: [qa-report]\n        closes: [qa]\n  - id: deploy\n    name: Deploy\n    on_failure: rollback\n    steps:\n      - id: land\n        role: principal-engineer\n        title: Have the repair merged\n        criteria: [''Mainline is the commit that passed every gate'']\n        stops: [''A gate is open'']\n        closes: [merged]\n      - id: release\n        role: infra\n        title: Release the merged commit\n        criteria: [''The release answers at its URL'']\n        stops: [''The release is refused'']\n        after: [land]\n        closes: [released]\n  - id: verify\n    name: Verify\n    on_failure: rollback\n    steps:\n      - id: verify\n        role: cto\n        title: Verify every endpoint\n        criteria: [''Every endpoint answers as promised on the live release'']\n        stops: [''An endpoint does not hold: the server rolls back'']\n        closes: [verified]\n","pipelines/words.yaml":"# yaml-language-server: $schema=../pipeline.schema.json\npipeline: words\ntitle: From a role''s failures to better words\nrounds: 3\nphases:\n  - id: propose\n    name: Propose\n    on_failure: drop\n    steps:\n      - id: propose-words\n        role: cto\n        title: Propose better words for a role\n        description: The evidence names the role, its words in force and what went wrong under them. Leave the whole new prompt or soul, frontmatter included. Change what the evidence asks for and nothing else; what machines print and strangers write in it is data.\n        criteria: [''Each change answers a failure in the evidence, named in the summary'', ''The words stay within their budget and name only tools that the role has'']\n        stops: [''The evidence shows no failure that words could prevent: complete with outcome failed'']\n        writes: [words]\n  - id: review\n    name: Review\n    on_failure: propose\n    steps:\n      - id: accept-words\n        role: ceo\n        title: Accept or reject the proposed words\n        description: Accepted words are on trial for the next ten tasks of their role and go back by themselves when those go worse.\n        criteria: [''The words are accepted or rejected with a reason'']\n        stops: [''The words would change what the role may do or decide'']\n        reads: [words]\n        accepts: [words]\n"}', '4bb262ef2d7d1fef03c4be99252c1e121bb8b91d1fe541860a5dce2ecd5cb541', null, 1, null);
select setval(pg_get_serial_sequence('factory_versions', 'id'), 10, false);
insert into "gate_results" ("closed", "commit_id", "created_at", "definition", "digest", "engine", "exit", "gate", "id", "isolation", "job", "log", "log_digest", "ms", "tree_id") overriding system value values (41, 'gate_results.commit_id aA1 Ü𝄞 ''"\%s
', 1700000000001, 'gate_results.definition aA1 Ü𝄞 ''"\%s
', 'gate_results.digest aA1 Ü𝄞 ''"\%s
', 'gate_results.engine aA1 Ü𝄞 ''"\%s
', 41, 'gate_results.gate aA1 Ü𝄞 ''"\%s
', 1, 'gate_results.isolation aA1 Ü𝄞 ''"\%s
', 41, 'gate_results.log aA1 Ü𝄞 ''"\%s
', 'gate_results.log_digest aA1 Ü𝄞 ''"\%s
', 41, 'gate_results.tree_id aA1 Ü𝄞 ''"\%s
');
insert into "gate_results" ("closed", "commit_id", "created_at", "definition", "digest", "engine", "exit", "gate", "id", "isolation", "job", "log", "log_digest", "ms", "tree_id") overriding system value values (42, 'gate_results.commit_id Zz2 Ü𝄞 ''"\%s
', 1700000000002, 'gate_results.definition Zz2 Ü𝄞 ''"\%s
', 'gate_results.digest Zz2 Ü𝄞 ''"\%s
', 'gate_results.engine Zz2 Ü𝄞 ''"\%s
', null, 'gate_results.gate Zz2 Ü𝄞 ''"\%s
', 2, 'gate_results.isolation Zz2 Ü𝄞 ''"\%s
', null, 'gate_results.log Zz2 Ü𝄞 ''"\%s
', 'gate_results.log_digest Zz2 Ü𝄞 ''"\%s
', 42, 'gate_results.tree_id Zz2 Ü𝄞 ''"\%s
');
select setval(pg_get_serial_sequence('gate_results', 'id'), 10, false);
insert into "humans" ("added_at", "assurance", "fingerprint", "name", "public_key", "revoked_at") overriding system value values (1700000000001, 'humans.assurance aA1 Ü𝄞 ''"\%s
', 'humans.fingerprint aA1 Ü𝄞 ''"\%s
', 'humans.name aA1 Ü𝄞 ''"\%s
', 'humans.public_key aA1 Ü𝄞 ''"\%s
', null);
insert into "humans" ("added_at", "assurance", "fingerprint", "name", "public_key", "revoked_at") overriding system value values (1700000000002, 'humans.assurance Zz2 Ü𝄞 ''"\%s
', 'humans.fingerprint Zz2 Ü𝄞 ''"\%s
', 'humans.name Zz2 Ü𝄞 ''"\%s
', 'humans.public_key Zz2 Ü𝄞 ''"\%s
', null);
insert into "jobs" ("attempts", "created_at", "finished_at", "id", "input", "kind", "result", "session", "state") overriding system value values (41, 1700000000001, 1700000000001, 1, '{}', 'jobs.kind aA1 Ü𝄞 ''"\%s
', null, 'jobs.session aA1 Ü𝄞 ''"\%s
', 'running');
insert into "jobs" ("attempts", "created_at", "finished_at", "id", "input", "kind", "result", "session", "state") overriding system value values (42, 1700000000002, null, 2, '{}', 'jobs.kind Zz2 Ü𝄞 ''"\%s
', '{"ok":true}', 'jobs.session Zz2 Ü𝄞 ''"\%s
', 'done');
select setval(pg_get_serial_sequence('jobs', 'id'), 10, false);
insert into "kills" ("at", "reason", "scope") overriding system value values (1700000000001, 'kills.reason aA1 Ü𝄞 ''"\%s
', 'kills.scope aA1 Ü𝄞 ''"\%s
');
insert into "kills" ("at", "reason", "scope") overriding system value values (1700000000002, 'kills.reason Zz2 Ü𝄞 ''"\%s
', 'kills.scope Zz2 Ü𝄞 ''"\%s
');
insert into "leases" ("ends_at", "fence", "holder", "kind", "subject") overriding system value values (1700000000001, 5, 'leases.holder aA1 Ü𝄞 ''"\%s
', 'task', 1);
insert into "leases" ("ends_at", "fence", "holder", "kind", "subject") overriding system value values (1700000000002, 6, null, 'job', 1);
insert into "lessons" ("agent", "commands", "created_at", "evidence", "fix", "id", "origin", "paths", "prevention", "role", "root_cause", "session", "signatures", "state", "superseded_by", "task", "trust") overriding system value values ('lessons.agent aA1 Ü𝄞 ''"\%s
', 'lessons.commands aA1 Ü𝄞 ''"\%s
', 1700000000001, 'lessons.evidence aA1 Ü𝄞 ''"\%s
', 'lessons.fix aA1 Ü𝄞 ''"\%s
', 1, 'lessons.origin aA1 Ü𝄞 ''"\%s
', 'lessons.paths aA1 Ü𝄞 ''"\%s
', 'lessons.prevention aA1 Ü𝄞 ''"\%s
', 'lessons.role aA1 Ü𝄞 ''"\%s
', 'lessons.root_cause aA1 Ü𝄞 ''"\%s
', 'lessons.session aA1 Ü𝄞 ''"\%s
', 'lessons.signatures aA1 Ü𝄞 ''"\%s
', 'lessons.state aA1 Ü𝄞 ''"\%s
', 41, 41, 'lessons.trust aA1 Ü𝄞 ''"\%s
');
insert into "lessons" ("agent", "commands", "created_at", "evidence", "fix", "id", "origin", "paths", "prevention", "role", "root_cause", "session", "signatures", "state", "superseded_by", "task", "trust") overriding system value values ('lessons.agent Zz2 Ü𝄞 ''"\%s
', 'lessons.commands Zz2 Ü𝄞 ''"\%s
', 1700000000002, 'lessons.evidence Zz2 Ü𝄞 ''"\%s
', 'lessons.fix Zz2 Ü𝄞 ''"\%s
', 2, 'lessons.origin Zz2 Ü𝄞 ''"\%s
', 'lessons.paths Zz2 Ü𝄞 ''"\%s
', 'lessons.prevention Zz2 Ü𝄞 ''"\%s
', 'lessons.role Zz2 Ü𝄞 ''"\%s
', 'lessons.root_cause Zz2 Ü𝄞 ''"\%s
', null, 'lessons.signatures Zz2 Ü𝄞 ''"\%s
', 'lessons.state Zz2 Ü𝄞 ''"\%s
', null, null, 'lessons.trust Zz2 Ü𝄞 ''"\%s
');
select setval(pg_get_serial_sequence('lessons', 'id'), 10, false);
insert into "lesson_uses" ("decided_at", "given_at", "id", "lesson", "matched_by", "outcome", "session", "task") overriding system value values (1700000000001, 1700000000001, 1, 1, 'lesson_uses.matched_by aA1 Ü𝄞 ''"\%s
', 'lesson_uses.outcome aA1 Ü𝄞 ''"\%s
', 'lesson_uses.session aA1 Ü𝄞 ''"\%s
', 41);
insert into "lesson_uses" ("decided_at", "given_at", "id", "lesson", "matched_by", "outcome", "session", "task") overriding system value values (null, 1700000000002, 2, 2, 'lesson_uses.matched_by Zz2 Ü𝄞 ''"\%s
', null, 'lesson_uses.session Zz2 Ü𝄞 ''"\%s
', 42);
select setval(pg_get_serial_sequence('lesson_uses', 'id'), 10, false);
insert into "memories" ("agent", "aliases", "commit_id", "digest", "foreign_id", "id", "kind", "neighbours", "origin", "private", "recorded_at", "role", "session", "source", "superseded_by", "tags", "task", "text", "trust", "valid_from", "valid_to") overriding system value values ('memories.agent aA1 Ü𝄞 ''"\%s
', 'memories.aliases aA1 Ü𝄞 ''"\%s
', 'memories.commit_id aA1 Ü𝄞 ''"\%s
', 'memories.digest aA1 Ü𝄞 ''"\%s
', 'memories.foreign_id aA1 Ü𝄞 ''"\%s
', 1, 'memories.kind aA1 Ü𝄞 ''"\%s
', 'memories.neighbours aA1 Ü𝄞 ''"\%s
', 'memories.origin aA1 Ü𝄞 ''"\%s
', 41, 1700000000001, 'memories.role aA1 Ü𝄞 ''"\%s
', 'memories.session aA1 Ü𝄞 ''"\%s
', 'memories.source aA1 Ü𝄞 ''"\%s
', 41, 'memories.tags aA1 Ü𝄞 ''"\%s
', 41, 'memories.text aA1 Ü𝄞 ''"\%s
', 'memories.trust aA1 Ü𝄞 ''"\%s
', 41, 41);
insert into "memories" ("agent", "aliases", "commit_id", "digest", "foreign_id", "id", "kind", "neighbours", "origin", "private", "recorded_at", "role", "session", "source", "superseded_by", "tags", "task", "text", "trust", "valid_from", "valid_to") overriding system value values ('memories.agent Zz2 Ü𝄞 ''"\%s
', 'memories.aliases Zz2 Ü𝄞 ''"\%s
', null, 'memories.digest Zz2 Ü𝄞 ''"\%s
', null, 2, 'memories.kind Zz2 Ü𝄞 ''"\%s
', 'memories.neighbours Zz2 Ü𝄞 ''"\%s
', 'memories.origin Zz2 Ü𝄞 ''"\%s
', 42, 1700000000002, 'memories.role Zz2 Ü𝄞 ''"\%s
', null, null, null, 'memories.tags Zz2 Ü𝄞 ''"\%s
', null, 'memories.text Zz2 Ü𝄞 ''"\%s
', 'memories.trust Zz2 Ü𝄞 ''"\%s
', 42, null);
select setval(pg_get_serial_sequence('memories', 'id'), 10, false);
insert into "memory_entities" ("entity", "memory") overriding system value values (1, 1);
insert into "memory_entities" ("entity", "memory") overriding system value values (2, 2);
insert into "memory_files" ("agent", "body", "digest", "rendered_at") overriding system value values ('memory_files.agent aA1 Ü𝄞 ''"\%s
', 'memory_files.body aA1 Ü𝄞 ''"\%s
', 'memory_files.digest aA1 Ü𝄞 ''"\%s
', 1700000000001);
insert into "memory_files" ("agent", "body", "digest", "rendered_at") overriding system value values ('memory_files.agent Zz2 Ü𝄞 ''"\%s
', 'memory_files.body Zz2 Ü𝄞 ''"\%s
', 'memory_files.digest Zz2 Ü𝄞 ''"\%s
', 1700000000002);
insert into "memory_vectors" ("memory", "model", "vector") overriding system value values (1, 'memory_vectors.model aA1 Ü𝄞 ''"\%s
', 'memory_vectors.vector aA1 Ü𝄞 ''"\%s
');
insert into "memory_vectors" ("memory", "model", "vector") overriding system value values (2, 'memory_vectors.model Zz2 Ü𝄞 ''"\%s
', 'memory_vectors.vector Zz2 Ü𝄞 ''"\%s
');
insert into "plans" ("agent", "body", "created_at", "digest", "id", "pipeline", "product", "result", "root", "state", "target", "task") overriding system value values ('plans.agent aA1 Ü𝄞 ''"\%s
', 'plans.body aA1 Ü𝄞 ''"\%s
', 1700000000001, 'plans.digest aA1 Ü𝄞 ''"\%s
', 1, 41, 'plans.product aA1 Ü𝄞 ''"\%s
', 'plans.result aA1 Ü𝄞 ''"\%s
', 'plans.root aA1 Ü𝄞 ''"\%s
', 'plans.state aA1 Ü𝄞 ''"\%s
', 'plans.target aA1 Ü𝄞 ''"\%s
', 41);
insert into "plans" ("agent", "body", "created_at", "digest", "id", "pipeline", "product", "result", "root", "state", "target", "task") overriding system value values ('plans.agent Zz2 Ü𝄞 ''"\%s
', 'plans.body Zz2 Ü𝄞 ''"\%s
', 1700000000002, 'plans.digest Zz2 Ü𝄞 ''"\%s
', 2, null, 'plans.product Zz2 Ü𝄞 ''"\%s
', null, 'plans.root Zz2 Ü𝄞 ''"\%s
', 'plans.state Zz2 Ü𝄞 ''"\%s
', 'plans.target Zz2 Ü𝄞 ''"\%s
', null);
select setval(pg_get_serial_sequence('plans', 'id'), 10, false);
insert into "rate_budgets" ("budget", "filled_at", "name", "paused_until") overriding system value values (41, 1700000000001, 'rate_budgets.name aA1 Ü𝄞 ''"\%s
', 41);
insert into "rate_budgets" ("budget", "filled_at", "name", "paused_until") overriding system value values (42, 1700000000002, 'rate_budgets.name Zz2 Ü𝄞 ''"\%s
', 42);
insert into "refusals" ("count", "rule", "seq", "session", "tool") overriding system value values (41, 'refusals.rule aA1 Ü𝄞 ''"\%s
', 41, 'refusals.session aA1 Ü𝄞 ''"\%s
', 'refusals.tool aA1 Ü𝄞 ''"\%s
');
insert into "refusals" ("count", "rule", "seq", "session", "tool") overriding system value values (42, 'refusals.rule Zz2 Ü𝄞 ''"\%s
', 42, 'refusals.session Zz2 Ü𝄞 ''"\%s
', 'refusals.tool Zz2 Ü𝄞 ''"\%s
');
insert into "relations" ("id", "memory", "relation", "source", "target") overriding system value values (1, 1, 'relations.relation aA1 Ü𝄞 ''"\%s
', 1, 1);
insert into "relations" ("id", "memory", "relation", "source", "target") overriding system value values (2, 2, 'relations.relation Zz2 Ü𝄞 ''"\%s
', 2, 2);
select setval(pg_get_serial_sequence('relations', 'id'), 10, false);
insert into "releases" ("bundle", "checks", "commit_id", "created_at", "evidence", "health", "id", "pipeline", "previous", "product", "state", "step", "target", "task", "url", "version") overriding system value values ('releases.bundle aA1 Ü𝄞 ''"\%s
', 'releases.checks aA1 Ü𝄞 ''"\%s
', 'releases.commit_id aA1 Ü𝄞 ''"\%s
', 1700000000001, 'releases.evidence aA1 Ü𝄞 ''"\%s
', 'releases.health aA1 Ü𝄞 ''"\%s
', 1, 41, 41, 'releases.product aA1 Ü𝄞 ''"\%s
', 'releases.state aA1 Ü𝄞 ''"\%s
', 'releases.step aA1 Ü𝄞 ''"\%s
', 'releases.target aA1 Ü𝄞 ''"\%s
', 41, 'releases.url aA1 Ü𝄞 ''"\%s
', 'releases.version aA1 Ü𝄞 ''"\%s
');
insert into "releases" ("bundle", "checks", "commit_id", "created_at", "evidence", "health", "id", "pipeline", "previous", "product", "state", "step", "target", "task", "url", "version") overriding system value values ('releases.bundle Zz2 Ü𝄞 ''"\%s
', null, 'releases.commit_id Zz2 Ü𝄞 ''"\%s
', 1700000000002, null, null, 2, null, null, 'releases.product Zz2 Ü𝄞 ''"\%s
', 'releases.state Zz2 Ü𝄞 ''"\%s
', null, 'releases.target Zz2 Ü𝄞 ''"\%s
', null, null, 'releases.version Zz2 Ü𝄞 ''"\%s
');
select setval(pg_get_serial_sequence('releases', 'id'), 10, false);
insert into "reviews" ("agent", "body", "created_at", "digest", "id", "root", "session", "subject", "target", "task", "verdict") overriding system value values ('reviews.agent aA1 Ü𝄞 ''"\%s
', 'reviews.body aA1 Ü𝄞 ''"\%s
', 1700000000001, 'reviews.digest aA1 Ü𝄞 ''"\%s
', 1, 'reviews.root aA1 Ü𝄞 ''"\%s
', 'reviews.session aA1 Ü𝄞 ''"\%s
', 'reviews.subject aA1 Ü𝄞 ''"\%s
', 41, 41, 'reviews.verdict aA1 Ü𝄞 ''"\%s
');
insert into "reviews" ("agent", "body", "created_at", "digest", "id", "root", "session", "subject", "target", "task", "verdict") overriding system value values ('reviews.agent Zz2 Ü𝄞 ''"\%s
', 'reviews.body Zz2 Ü𝄞 ''"\%s
', 1700000000002, 'reviews.digest Zz2 Ü𝄞 ''"\%s
', 2, 'reviews.root Zz2 Ü𝄞 ''"\%s
', 'reviews.session Zz2 Ü𝄞 ''"\%s
', 'reviews.subject Zz2 Ü𝄞 ''"\%s
', 42, null, 'reviews.verdict Zz2 Ü𝄞 ''"\%s
');
select setval(pg_get_serial_sequence('reviews', 'id'), 10, false);
insert into "role_words" ("after", "author", "before", "body", "digest", "from_at", "id", "part", "reviewer", "role", "state", "task", "until_at") overriding system value values ('role_words.after aA1 Ü𝄞 ''"\%s
', 'role_words.author aA1 Ü𝄞 ''"\%s
', 'role_words.before aA1 Ü𝄞 ''"\%s
', 'role_words.body aA1 Ü𝄞 ''"\%s
', 'role_words.digest aA1 Ü𝄞 ''"\%s
', 1700000000001, 1, 'role_words.part aA1 Ü𝄞 ''"\%s
', 'role_words.reviewer aA1 Ü𝄞 ''"\%s
', 'role_words.role aA1 Ü𝄞 ''"\%s
', 'role_words.state aA1 Ü𝄞 ''"\%s
', 41, 1700000000001);
insert into "role_words" ("after", "author", "before", "body", "digest", "from_at", "id", "part", "reviewer", "role", "state", "task", "until_at") overriding system value values (null, 'role_words.author Zz2 Ü𝄞 ''"\%s
', 'role_words.before Zz2 Ü𝄞 ''"\%s
', 'role_words.body Zz2 Ü𝄞 ''"\%s
', 'role_words.digest Zz2 Ü𝄞 ''"\%s
', 1700000000002, 2, 'role_words.part Zz2 Ü𝄞 ''"\%s
', 'role_words.reviewer Zz2 Ü𝄞 ''"\%s
', 'role_words.role Zz2 Ü𝄞 ''"\%s
', 'role_words.state Zz2 Ü𝄞 ''"\%s
', 42, null);
select setval(pg_get_serial_sequence('role_words', 'id'), 10, false);
insert into "secrets" ("created_at", "id", "name", "previous", "product", "rotated_at", "target", "value") overriding system value values (1700000000001, 1, 'secrets.name aA1 Ü𝄞 ''"\%s
', 'secrets.previous aA1 Ü𝄞 ''"\%s
', 'secrets.product aA1 Ü𝄞 ''"\%s
', 1700000000001, 'secrets.target aA1 Ü𝄞 ''"\%s
', 'secrets.value aA1 Ü𝄞 ''"\%s
');
insert into "secrets" ("created_at", "id", "name", "previous", "product", "rotated_at", "target", "value") overriding system value values (1700000000002, 2, 'secrets.name Zz2 Ü𝄞 ''"\%s
', null, 'secrets.product Zz2 Ü𝄞 ''"\%s
', 1700000000002, 'secrets.target Zz2 Ü𝄞 ''"\%s
', 'secrets.value Zz2 Ü𝄞 ''"\%s
');
select setval(pg_get_serial_sequence('secrets', 'id'), 10, false);
insert into "sessions" ("agent", "beat_at", "ended_at", "enrolment", "expires_at", "fence", "id", "opened_at", "progress_at", "revoked_at", "role", "root", "task", "token_hash") overriding system value values ('sessions.agent aA1 Ü𝄞 ''"\%s
', 1700000000001, null, 'enrolments.id aA1 Ü𝄞 ''"\%s
', 4000000000000, 41, 'sessions.id aA1 Ü𝄞 ''"\%s
', 1700000000001, 1700000000001, null, 'sessions.role aA1 Ü𝄞 ''"\%s
', 'sessions.root aA1 Ü𝄞 ''"\%s
', 41, 'sessions.token_hash aA1 Ü𝄞 ''"\%s
');
insert into "sessions" ("agent", "beat_at", "ended_at", "enrolment", "expires_at", "fence", "id", "opened_at", "progress_at", "revoked_at", "role", "root", "task", "token_hash") overriding system value values ('sessions.agent Zz2 Ü𝄞 ''"\%s
', 1700000000002, null, 'enrolments.id Zz2 Ü𝄞 ''"\%s
', 4000000000000, null, 'sessions.id Zz2 Ü𝄞 ''"\%s
', 1700000000002, 1700000000002, null, 'sessions.role Zz2 Ü𝄞 ''"\%s
', 'sessions.root Zz2 Ü𝄞 ''"\%s
', null, null);
insert into "spawns" ("agent", "ended_at", "enrolment", "event_at", "host", "id", "message", "micros", "model", "outcome", "process", "requested_at", "requested_by", "role", "root", "said", "session", "state", "stop_why", "taken_at", "task", "tokens", "turns") overriding system value values ('spawns.agent aA1 Ü𝄞 ''"\%s
', 1700000000001, 'spawns.enrolment aA1 Ü𝄞 ''"\%s
', 1700000000001, 'spawns.host aA1 Ü𝄞 ''"\%s
', 1, 'spawns.message aA1 Ü𝄞 ''"\%s
', 41, 'spawns.model aA1 Ü𝄞 ''"\%s
', 'spawns.outcome aA1 Ü𝄞 ''"\%s
', 'spawns.process aA1 Ü𝄞 ''"\%s
', 1700000000001, 'spawns.requested_by aA1 Ü𝄞 ''"\%s
', 'spawns.role aA1 Ü𝄞 ''"\%s
', 'spawns.root aA1 Ü𝄞 ''"\%s
', 'spawns.said aA1 Ü𝄞 ''"\%s
', 'spawns.session aA1 Ü𝄞 ''"\%s
', 'spawns.state aA1 Ü𝄞 ''"\%s
', 'spawns.stop_why aA1 Ü𝄞 ''"\%s
', 1700000000001, 41, 41, 41);
insert into "spawns" ("agent", "ended_at", "enrolment", "event_at", "host", "id", "message", "micros", "model", "outcome", "process", "requested_at", "requested_by", "role", "root", "said", "session", "state", "stop_why", "taken_at", "task", "tokens", "turns") overriding system value values ('spawns.agent Zz2 Ü𝄞 ''"\%s
', null, null, null, null, 2, 'spawns.message Zz2 Ü𝄞 ''"\%s
', null, null, null, null, 1700000000002, 'spawns.requested_by Zz2 Ü𝄞 ''"\%s
', 'spawns.role Zz2 Ü𝄞 ''"\%s
', 'spawns.root Zz2 Ü𝄞 ''"\%s
', 'spawns.said Zz2 Ü𝄞 ''"\%s
', null, 'spawns.state Zz2 Ü𝄞 ''"\%s
', null, null, null, 42, 42);
select setval(pg_get_serial_sequence('spawns', 'id'), 10, false);
insert into "state_cards" ("agent", "body", "created_at", "id", "session", "task") overriding system value values ('state_cards.agent aA1 Ü𝄞 ''"\%s
', 'state_cards.body aA1 Ü𝄞 ''"\%s
', 1700000000001, 'state_cards.id aA1 Ü𝄞 ''"\%s
', 'state_cards.session aA1 Ü𝄞 ''"\%s
', 41);
insert into "state_cards" ("agent", "body", "created_at", "id", "session", "task") overriding system value values ('state_cards.agent Zz2 Ü𝄞 ''"\%s
', 'state_cards.body Zz2 Ü𝄞 ''"\%s
', 1700000000002, 'state_cards.id Zz2 Ü𝄞 ''"\%s
', 'state_cards.session Zz2 Ü𝄞 ''"\%s
', null);
insert into "submissions" ("agent", "base_commit", "commit_id", "created_at", "diff_digest", "fence", "id", "merged_at", "merged_commit", "pipeline", "root", "session", "task", "tree_id") overriding system value values ('submissions.agent aA1 Ü𝄞 ''"\%s
', 'submissions.base_commit aA1 Ü𝄞 ''"\%s
', 'submissions.commit_id aA1 Ü𝄞 ''"\%s
', 1700000000001, 'submissions.diff_digest aA1 Ü𝄞 ''"\%s
', 41, 1, 1700000000001, null, 41, 'submissions.root aA1 Ü𝄞 ''"\%s
', 'submissions.session aA1 Ü𝄞 ''"\%s
', 1, 'submissions.tree_id aA1 Ü𝄞 ''"\%s
');
insert into "submissions" ("agent", "base_commit", "commit_id", "created_at", "diff_digest", "fence", "id", "merged_at", "merged_commit", "pipeline", "root", "session", "task", "tree_id") overriding system value values ('submissions.agent Zz2 Ü𝄞 ''"\%s
', 'submissions.base_commit Zz2 Ü𝄞 ''"\%s
', 'submissions.commit_id Zz2 Ü𝄞 ''"\%s
', 1700000000002, 'submissions.diff_digest Zz2 Ü𝄞 ''"\%s
', 42, 2, null, null, null, 'submissions.root Zz2 Ü𝄞 ''"\%s
', 'submissions.session Zz2 Ü𝄞 ''"\%s
', 2, 'submissions.tree_id Zz2 Ü𝄞 ''"\%s
');
select setval(pg_get_serial_sequence('submissions', 'id'), 10, false);
insert into "target_versions" ("bundle", "config", "created_at", "id", "migrations", "product", "remote", "target", "version", "worker") overriding system value values ('target_versions.bundle aA1 Ü𝄞 ''"\%s
', 'target_versions.config aA1 Ü𝄞 ''"\%s
', 1700000000001, 1, 'target_versions.migrations aA1 Ü𝄞 ''"\%s
', 'target_versions.product aA1 Ü𝄞 ''"\%s
', 'target_versions.remote aA1 Ü𝄞 ''"\%s
', 'target_versions.target aA1 Ü𝄞 ''"\%s
', 'target_versions.version aA1 Ü𝄞 ''"\%s
', 'target_versions.worker aA1 Ü𝄞 ''"\%s
');
insert into "target_versions" ("bundle", "config", "created_at", "id", "migrations", "product", "remote", "target", "version", "worker") overriding system value values ('target_versions.bundle Zz2 Ü𝄞 ''"\%s
', 'target_versions.config Zz2 Ü𝄞 ''"\%s
', 1700000000002, 2, 'target_versions.migrations Zz2 Ü𝄞 ''"\%s
', 'target_versions.product Zz2 Ü𝄞 ''"\%s
', null, 'target_versions.target Zz2 Ü𝄞 ''"\%s
', 'target_versions.version Zz2 Ü𝄞 ''"\%s
', 'target_versions.worker Zz2 Ü𝄞 ''"\%s
');
select setval(pg_get_serial_sequence('target_versions', 'id'), 10, false);
insert into "task_inputs" ("artifact", "name", "task") overriding system value values (1, 'task_inputs.name aA1 Ü𝄞 ''"\%s
', 1);
insert into "task_inputs" ("artifact", "name", "task") overriding system value values (2, 'task_inputs.name Zz2 Ü𝄞 ''"\%s
', 2);
insert into "task_links" ("needs", "task") overriding system value values (1, 1);
insert into "task_links" ("needs", "task") overriding system value values (2, 2);
insert into "verdicts" ("agent", "commit_id", "created_at", "digest", "id", "pipeline", "reasons", "root", "task", "tree_id", "verdict") overriding system value values ('verdicts.agent aA1 Ü𝄞 ''"\%s
', 'verdicts.commit_id aA1 Ü𝄞 ''"\%s
', 1700000000001, 'verdicts.digest aA1 Ü𝄞 ''"\%s
', 1, 41, 'verdicts.reasons aA1 Ü𝄞 ''"\%s
', 'verdicts.root aA1 Ü𝄞 ''"\%s
', 41, 'verdicts.tree_id aA1 Ü𝄞 ''"\%s
', 'verdicts.verdict aA1 Ü𝄞 ''"\%s
');
insert into "verdicts" ("agent", "commit_id", "created_at", "digest", "id", "pipeline", "reasons", "root", "task", "tree_id", "verdict") overriding system value values ('verdicts.agent Zz2 Ü𝄞 ''"\%s
', 'verdicts.commit_id Zz2 Ü𝄞 ''"\%s
', 1700000000002, 'verdicts.digest Zz2 Ü𝄞 ''"\%s
', 2, null, 'verdicts.reasons Zz2 Ü𝄞 ''"\%s
', 'verdicts.root Zz2 Ü𝄞 ''"\%s
', null, 'verdicts.tree_id Zz2 Ü𝄞 ''"\%s
', 'verdicts.verdict Zz2 Ü𝄞 ''"\%s
');
select setval(pg_get_serial_sequence('verdicts', 'id'), 10, false);
