import type { Generated } from 'kysely';

/** What agents keep between sessions, and what the factory learns. Written by the memory server, read by all. */
export interface MemorySchema {
  memories: Memories;
  memory_vectors: MemoryVectors;
  entities: Entities;
  memory_entities: MemoryEntities;
  relations: Relations;
  memory_files: MemoryFiles;
  state_cards: StateCards;
  lessons: Lessons;
  lesson_uses: LessonUses;
  role_words: RoleWordsVersions;
  estimates: Estimates;
}

export type MemoryKind = 'fact' | 'decision' | 'thread' | 'next';

/** One entry. It is never deleted and its text never changes: a newer one supersedes it. */
export interface Memories {
  id: Generated<number>;
  agent: string;
  role: string;
  kind: MemoryKind;
  text: string;
  /** Other phrasings its author expects to be asked by, one a line. */
  aliases: string;
  /** The texts before and after it, for the search; kept up to date by whoever adds an entry. */
  neighbours: string;
  /** Words separated by spaces. */
  tags: string;
  origin: 'agent' | 'hand' | 'hook' | 'import';
  /** Text that somebody outside the factory wrote is data, whatever it says. */
  trust: 'own' | 'third-party';
  /** Where it comes from besides session, task and commit: an address or a file's name. */
  source: string | null;
  session: string | null;
  task: number | null;
  commit_id: string | null;
  /** Only its agent sees it; 0 or 1. */
  private: number;
  recorded_at: number;
  valid_from: number;
  valid_to: number | null;
  superseded_by: number | null;
  digest: string;
  /** The id it had in the file it was imported from. */
  foreign_id: string | null;
}

/** An embedding of an entry under one model: little-endian 32-bit floats in base64. */
export interface MemoryVectors {
  memory: number;
  model: string;
  vector: string;
}

/** A thing entries speak of: `release:shop`, `file:src/app.ts`, `person:ada`. */
export interface Entities {
  id: Generated<number>;
  name: string;
}

export interface MemoryEntities {
  memory: number;
  entity: number;
}

/** `source` stands in `relation` to `target`, as entry `memory` says. */
export interface Relations {
  id: Generated<number>;
  source: number;
  relation: string;
  target: number;
  memory: number;
}

/** What an agent's MEMORY.md said when it was last rendered: the base against which a hand's edit is seen. */
export interface MemoryFiles {
  agent: string;
  body: string;
  digest: string;
  rendered_at: number;
}

/** Where a session stood, written once for each `id` (the host's session and event). */
export interface StateCards {
  id: string;
  agent: string;
  session: string;
  task: number | null;
  body: string;
  created_at: number;
}

/** Root cause, fix, prevention rule, and the signs by which it is recognised next time. */
export interface Lessons {
  id: Generated<number>;
  root_cause: string;
  fix: string;
  prevention: string;
  /** JSON lists: path globs, commands (first words), and signatures of errors. */
  paths: string;
  commands: string;
  signatures: string;
  /** JSON list of what shows it: gate results, verdicts, reviews, commits. */
  evidence: string;
  origin: 'seed' | 'agent' | 'import';
  trust: 'own' | 'third-party';
  state: 'active' | 'faded' | 'rewrite' | 'superseded';
  agent: string;
  role: string;
  session: string | null;
  task: number | null;
  superseded_by: number | null;
  created_at: number;
}

/** A lesson was put before an agent; whether the failure came again in that task is decided at the task's end. */
export interface LessonUses {
  id: Generated<number>;
  lesson: number;
  task: number;
  session: string;
  matched_by: 'path' | 'command' | 'signature';
  given_at: number;
  outcome: 'prevented' | 'repeated' | null;
  decided_at: number | null;
}

/** A version of a role's prompt or soul that stands before the shipped one. */
export interface RoleWordsVersions {
  id: Generated<number>;
  role: string;
  part: 'prompt' | 'soul';
  body: string;
  digest: string;
  task: number;
  author: string;
  reviewer: string;
  state: 'trial' | 'kept' | 'rolled-back' | 'replaced';
  /** JSON: how the role's last tasks went before it, and under it. */
  before: string;
  after: string | null;
  from_at: number;
  until_at: number | null;
}

/** What somebody thought a task would take, and what it took; milliseconds. */
export interface Estimates {
  task: number;
  pipeline: number | null;
  phase: string;
  role: string;
  predicted_ms: number;
  actual_ms: number | null;
  predicted_at: number;
  finished_at: number | null;
}
