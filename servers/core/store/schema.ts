import type { Generated, Selectable } from 'kysely';
import type { InfrastructureSchema } from './infrastructure_schema.ts';
import type { MemorySchema } from './memory_schema.ts';

/**
 * The shape of the store, one table an interface. Times are milliseconds since 1970 (UTC); ids of people and
 * connections are text; ids of work are integers, shown with a letter (`T-12`); JSON is text.
 */
export interface Schema extends MemorySchema, InfrastructureSchema {
  enrolments: Enrolments;
  sessions: Sessions;
  leases: Leases;
  tasks: Tasks;
  task_links: TaskLinks;
  task_inputs: TaskInputs;
  pipelines: Pipelines;
  artifacts: Artifacts;
  jobs: Jobs;
  submissions: Submissions;
  gate_results: GateResults;
  reviews: Reviews;
  findings: Findings;
  checkpoints: Checkpoints;
  humans: Humans;
  factory_versions: FactoryVersions;
  plans: Plans;
  verdicts: Verdicts;
  releases: Releases;
  spawns: Spawns;
  kills: Kills;
  refusals: Refusals;
  activity: Activity;
}

/** One row of a table, as a query returns it. */
export type Row<T extends keyof Schema> = Selectable<Schema[T]>;

export interface Enrolments {
  id: string;
  agent: string;
  token_hash: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
}

export interface Sessions {
  id: string;
  agent: string;
  role: string;
  /** The outermost session this one descends from; one root never counts as two people. */
  root: string;
  enrolment: string | null;
  token_hash: string | null;
  opened_at: number;
  expires_at: number;
  beat_at: number;
  progress_at: number;
  ended_at: number | null;
  revoked_at: number | null;
  task: number | null;
  fence: number | null;
}

/** One row for each thing that can be held; it stays when free, so that its fence only ever grows. */
export interface Leases {
  kind: 'task' | 'job' | 'release' | 'run' | 'runner';
  subject: number;
  holder: string | null;
  fence: number;
  ends_at: number;
}

export type TaskState = 'waiting' | 'ready' | 'active' | 'done' | 'blocked' | 'cancelled';

export interface Tasks {
  id: Generated<number>;
  title: string;
  description: string;
  criteria: string;
  stops: string;
  role: string;
  priority: number;
  state: TaskState;
  deps_left: number;
  /** Times a lease on it ended without a result; grows the backoff and finally blocks it. */
  lapses: number;
  ready_at: number;
  pipeline: number | null;
  phase: string | null;
  step: string | null;
  round: number;
  workspace: string | null;
  outcome: string | null;
  created_by: string;
  created_at: number;
  /** When somebody first took it. */
  started_at: number | null;
  finished_at: number | null;
}

export interface TaskLinks {
  task: number;
  needs: number;
}

export interface TaskInputs {
  task: number;
  name: string;
  artifact: number;
}

export interface Pipelines {
  id: Generated<number>;
  name: string;
  request: string;
  definition: string;
  state: 'running' | 'done' | 'dropped' | 'blocked';
  created_by: string;
  created_at: number;
  finished_at: number | null;
}

export interface Artifacts {
  id: Generated<number>;
  task: number | null;
  pipeline: number | null;
  name: string;
  media: string;
  digest: string;
  size: number;
  body: string;
  session: string;
  agent: string;
  root: string;
  fence: number | null;
  created_at: number;
}

export interface Jobs {
  id: Generated<number>;
  kind: string;
  input: string;
  state: 'queued' | 'running' | 'done' | 'failed';
  result: string | null;
  session: string;
  attempts: number;
  created_at: number;
  finished_at: number | null;
}

export interface Submissions {
  id: Generated<number>;
  task: number;
  pipeline: number | null;
  fence: number;
  commit_id: string;
  tree_id: string;
  base_commit: string;
  diff_digest: string;
  agent: string;
  root: string;
  session: string;
  created_at: number;
  merged_commit: string | null;
  merged_at: number | null;
}

export interface GateResults {
  id: Generated<number>;
  gate: string;
  commit_id: string;
  tree_id: string;
  definition: string;
  closed: number;
  isolation: string;
  engine: string;
  exit: number | null;
  log_digest: string;
  log: string;
  ms: number;
  digest: string;
  job: number | null;
  created_at: number;
}

export interface Reviews {
  id: Generated<number>;
  subject: 'change' | 'artifact' | 'plan';
  target: number;
  digest: string;
  verdict: 'accept' | 'reject';
  body: string;
  task: number | null;
  session: string;
  agent: string;
  root: string;
  created_at: number;
  /** What the run was made with that reviewed; null where no runner started it. */
  model: Generated<string | null>;
}

/** What a review of a change found. Minor ones are told; the others keep the review open until they are answered. */
export interface Findings {
  id: Generated<number>;
  review: number;
  /** The task and the pipeline that the change was submitted for. */
  task: number;
  pipeline: number | null;
  /** Digest of the diff in which it was found. */
  diff: string;
  /** `file` or `file:line`. */
  place: string;
  severity: 'blocker' | 'major' | 'minor';
  what: string;
  state: 'open' | 'fixed' | 'refuted';
  evidence: string | null;
  /** The review that answered it. */
  answered_by: number | null;
  created_at: number;
}

export interface Checkpoints {
  id: Generated<number>;
  name: string;
  title: string;
  artifact: number;
  digest: string;
  pipeline: number | null;
  task: number | null;
  requested_by: string;
  requested_at: number;
  expires_at: number;
  nonce: string;
  state: 'open' | 'approved' | 'rejected' | 'expired' | 'void';
  human: string | null;
  assurance: string | null;
  signature: string | null;
  decided_at: number | null;
}

export interface Humans {
  name: string;
  public_key: string;
  fingerprint: string;
  assurance: 'touch' | 'passphrase' | 'rehearsal';
  added_at: number;
  revoked_at: number | null;
}

export interface FactoryVersions {
  id: Generated<number>;
  digest: string;
  body: string;
  human: string | null;
  assurance: string;
  signature: string | null;
  applied_at: number;
}

export interface Plans {
  id: Generated<number>;
  product: string;
  target: string;
  body: string;
  digest: string;
  state: 'proposed' | 'approved' | 'rejected' | 'applied';
  task: number | null;
  pipeline: number | null;
  agent: string;
  root: string;
  created_at: number;
  result: string | null;
}

export interface Verdicts {
  id: Generated<number>;
  commit_id: string;
  tree_id: string;
  verdict: 'PASS' | 'FAIL';
  reasons: string;
  digest: string;
  task: number | null;
  pipeline: number | null;
  agent: string;
  root: string;
  created_at: number;
}

export interface Releases {
  id: Generated<number>;
  product: string;
  commit_id: string;
  version: string;
  bundle: string;
  target: string;
  state: 'cutting' | 'live' | 'verified' | 'failed' | 'rolled-back';
  url: string | null;
  previous: number | null;
  pipeline: number | null;
  task: number | null;
  evidence: string | null;
  created_at: number;
  /** The last step that was healthy. */
  step: 'preview' | 'staging' | 'canary-10' | 'canary-50' | 'production' | null;
  /** The thresholds it is held to, as JSON. */
  health: string | null;
  /** What each step showed, as JSON. */
  checks: string | null;
}

/** The runs of agents: asked for with agent_spawn or by `millwright run`, and carried out by a runner. */
export interface Spawns {
  id: Generated<number>;
  role: string;
  agent: string;
  task: number | null;
  message: string;
  state: 'queued' | 'running' | 'ended' | 'stopped';
  root: string;
  requested_by: string;
  requested_at: number;
  /** When a runner took it. */
  taken_at: number | null;
  /** Which of the role's hosts and models works or worked last. */
  host: Generated<string | null>;
  model: Generated<string | null>;
  session: Generated<string | null>;
  enrolment: Generated<string | null>;
  /** The leader of its process group: id, start and the mark in its environment, as JSON. */
  process: Generated<string | null>;
  turns: Generated<number>;
  tokens: Generated<number>;
  /** Micro-dollars; null while nobody could say. */
  micros: Generated<number | null>;
  event_at: Generated<number | null>;
  ended_at: Generated<number | null>;
  outcome: Generated<RunOutcome | null>;
  said: Generated<string>;
  /** Set by whoever wants it stopped; its runner reads it with every beat. */
  stop_why: Generated<string | null>;
}

/**
 * How a run ended: with its task handed in or blocked by its agent; with the task given back after the process just
 * ended, failed, or passed a limit; lost with its runner; refused before anything was launched; stopped by a person.
 */
export type RunOutcome =
  | 'completed'
  | 'blocked'
  | 'returned'
  | 'failed'
  | 'limit'
  | 'lost'
  | 'refused'
  | 'stopped'
  | 'taken';

/** A stop that every claim, spawn and release reads; `scope` is `factory` or `role:<name>`. */
export interface Kills {
  scope: string;
  reason: string;
  at: number;
}

export interface Refusals {
  session: string;
  tool: string;
  rule: string;
  count: number;
  seq: number;
}

/** The record: append-only and hash-chained; only `body` may be blanked later. */
export interface Activity {
  seq: number;
  at: number;
  session: string;
  agent: string;
  role: string;
  event: string;
  tool: string;
  subject: string;
  rule: string;
  code: string;
  why: string;
  body_digest: string;
  body: string | null;
  prev: string;
  hash: string;
}
