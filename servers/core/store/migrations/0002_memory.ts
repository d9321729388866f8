import type { Migration } from '../migrate.ts';

/** An id no other program uses for an advisory lock: "RECO" in ASCII. */
const APPEND_LOCK = 0x5245434f;

/**
 * Letters and digits only, as SQLite's tokenizer has it: PostgreSQL's own takes `wall.js` for a host. The letters
 * beyond ASCII stand by number, since a database of the C locale knows none.
 */
const WORDS = (column: string) =>
  `regexp_replace(${column}, '[^[:alnum:]\\u00c0-\\u1fff\\u3040-\\U0010ffff]+', ' ', 'g')`;

/** Columns are named as in `memory_schema.ts`. */
export const memory: Migration = {
  version: 2,
  statements: ({ id, integer }) => [
    `alter table tasks add column started_at ${integer}`,
    `create table memories (id ${id}, agent text not null, role text not null, kind text not null,
       text text not null, aliases text not null default '', neighbours text not null default '',
       tags text not null default '', origin text not null, trust text not null, source text, session text,
       task ${integer}, commit_id text, private integer not null default 0, recorded_at ${integer} not null,
       valid_from ${integer} not null, valid_to ${integer}, superseded_by ${integer}, digest text not null,
       foreign_id text)`,
    `create unique index memories_foreign on memories (foreign_id) where foreign_id is not null`,
    `create index memories_live on memories (agent, kind, id) where valid_to is null`,
    `create index memories_twin on memories (digest) where valid_to is null`,
    `create index memories_agent on memories (agent, recorded_at, id)`,
    `create index memories_session on memories (session, id) where session is not null`,
    `create index memories_task on memories (task, id) where task is not null`,
    `create index reviews_task on reviews (task) where task is not null`,
    `create table memory_vectors (memory ${integer} not null references memories(id), model text not null,
       vector text not null, primary key (memory, model))`,
    `create table entities (id ${id}, name text not null unique)`,
    `create table memory_entities (memory ${integer} not null references memories(id),
       entity ${integer} not null references entities(id), primary key (memory, entity))`,
    `create index memory_entities_entity on memory_entities (entity, memory)`,
    `create table relations (id ${id}, source ${integer} not null references entities(id), relation text not null,
       target ${integer} not null references entities(id), memory ${integer} not null references memories(id))`,
    `create index relations_source on relations (source)`,
    `create index relations_target on relations (target)`,
    `create table memory_files (agent text primary key, body text not null, digest text not null,
       rendered_at ${integer} not null)`,
    `create table state_cards (id text primary key, agent text not null, session text not null, task ${integer},
       body text not null, created_at ${integer} not null)`,
    `create index state_cards_agent on state_cards (agent, created_at)`,
    `create table lessons (id ${id}, root_cause text not null, fix text not null, prevention text not null,
       paths text not null, commands text not null, signatures text not null, evidence text not null,
       origin text not null, trust text not null, state text not null, agent text not null, role text not null,
       session text, task ${integer}, superseded_by ${integer}, created_at ${integer} not null)`,
    `create index lessons_state on lessons (state, id)`,
    `create table lesson_uses (id ${id}, lesson ${integer} not null references lessons(id), task ${integer} not null,
       session text not null, matched_by text not null, given_at ${integer} not null, outcome text,
       decided_at ${integer}, unique (lesson, task))`,
    `create index lesson_uses_task on lesson_uses (task)`,
    `create table role_words (id ${id}, role text not null, part text not null, body text not null,
       digest text not null, task ${integer} not null, author text not null, reviewer text not null,
       state text not null, before text not null, after text, from_at ${integer} not null, until_at ${integer})`,
    `create index role_words_in_force on role_words (role, part, id)`,
    `create table estimates (task ${integer} primary key references tasks(id), pipeline ${integer},
       phase text not null, role text not null, predicted_ms ${integer} not null, actual_ms ${integer},
       predicted_at ${integer} not null, finished_at ${integer})`,
    `create index estimates_of on estimates (role, phase, finished_at)`,
    `create index estimates_pipeline on estimates (pipeline)`,
    `create index pipelines_name on pipelines (name, id)`,
    `create index tasks_open on tasks (id) where state in ('waiting', 'ready', 'active', 'blocked')`,
    `create index verdicts_task on verdicts (task)`,
    `create index plans_task on plans (task)`,
    `create index submissions_merged on submissions (merged_at) where merged_at is not null`,
  ],
  sqlite: [
    `create virtual table memories_text using fts5(text, aliases, tags, neighbours, content='memories',
       content_rowid='id', tokenize='porter unicode61 remove_diacritics 2')`,
    `create trigger memories_added after insert on memories begin
       insert into memories_text (rowid, text, aliases, tags, neighbours)
       values (new.id, new.text, new.aliases, new.tags, new.neighbours); end`,
    `create trigger memories_changed after update of text, aliases, tags, neighbours on memories begin
       insert into memories_text (memories_text, rowid, text, aliases, tags, neighbours)
       values ('delete', old.id, old.text, old.aliases, old.tags, old.neighbours);
       insert into memories_text (rowid, text, aliases, tags, neighbours)
       values (new.id, new.text, new.aliases, new.tags, new.neighbours); end`,
    `create trigger memories_keep before delete on memories begin
       select raise(abort, 'memory is superseded, not deleted'); end`,
  ],
  postgres: [
    `alter table memories add column words tsvector generated always as (
       setweight(to_tsvector('english', ${WORDS('text')}), 'A') ||
       setweight(to_tsvector('english', ${WORDS('aliases')}), 'B') ||
       setweight(to_tsvector('english', ${WORDS('tags')}), 'C') ||
       setweight(to_tsvector('english', ${WORDS('neighbours')}), 'D')) stored`,
    `create index memories_words on memories using gin (words)`,
    `create function memory_kept() returns trigger language plpgsql as $$
       begin raise exception 'memory is superseded, not deleted'; end $$`,
    `create trigger memories_keep before delete or truncate on memories
       for each statement execute function memory_kept()`,
    // The end of core/record.ts's append, in one round trip. Each statement sees what was committed before it began, so
    // the head is read after the lock was got. `covered` is the JSON that the hash covers, without its first element.
    `create function append_activity(at bigint, session text, agent text, role text, event text, tool text,
       subject text, rule text, code text, why text, body_digest text, body text, covered text)
       returns bigint language plpgsql as $$
       declare
         place bigint;
         head text;
       begin
         perform pg_advisory_xact_lock(${APPEND_LOCK});
         select seq, hash into place, head from activity order by seq desc limit 1;
         place := coalesce(place, 0) + 1;
         head := coalesce(head, repeat('0', 64));
         insert into activity values (place, at, session, agent, role, event, tool, subject, rule, code, why, body_digest,
           body, head, encode(sha256(convert_to(head || '[' || place || ',' || covered, 'UTF8')), 'hex'));
         return place;
       end $$`,
  ],
};
