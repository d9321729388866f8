import { stepOf } from '../core/factory/steps.ts';
import { artifactId, pipelineId, taskId } from '../core/ids.ts';
import { recall } from '../core/memory/recall.ts';
import { wordsInForce } from '../core/memory/role_words.ts';
import { NOTES } from '../core/memory/said.ts';
import { CHARACTERS_A_TOKEN } from '../core/memory/tokens.ts';
import { isGranted } from '../core/permissions.ts';
import type { Row } from '../core/store/schema.ts';
import type { Call } from '../core/tool.ts';
import { extraInputs, latestArtifacts } from './artifacts_queries.ts';
import { estimateLines, isPlanning } from './estimates.ts';
import { clip } from './fit.ts';
import { giveLessons } from './lessons.ts';
import { findPipeline } from './pipelines_queries.ts';
import { lastFailedRun } from './runs_queries.ts';

/** Leaves room in a host's 10,000 characters for the JSON around the texts. */
const BRIEF_CHARACTERS = 9_000;
const LARGEST_INLINE = 2_000;
/** What an input takes without its body. */
const INPUT_CHARACTERS = 260;
/** About 500 tokens: five lessons at their usual length. */
const LESSON_CHARACTERS = 1_600;
const MOST_ESTIMATES = 8;
const LAST_WORDS = 500;
/** About 500 tokens too; memory_read gives the rest. */
const MEMORY_CHARACTERS = 1_600;

/** Everything an agent starts with; larger inputs by digest, to be read before the work. */
export interface Brief {
  task: string;
  title: string;
  pipeline: string | null;
  phase: string | null;
  round: number;
  description: string;
  criteria: string[];
  stops: string[];
  leaves: string[];
  closes: string[];
  checkpoint: string | null;
  inputs: {
    artifact: string;
    name: string;
    digest: string;
    size: number;
    body: string | null;
    note: string;
  }[];
  memory: string[];
  lessons: string[];
  /** For who plans what others will do: what estimates were worth so far, a line a phase and role. */
  estimates: string[];
  soul: string;
  prompt: string;
}

/** Composes the brief of one task: exactly the artifacts its step names, and nothing of other phases. */
export async function briefFor(
  call: Pick<Call, 'db' | 'tx' | 'factory' | 'words' | 'session' | 'now'>,
  task: Row<'tasks'>,
): Promise<Brief> {
  const run = task.pipeline === null ? undefined : await findPipeline(call.db, task.pipeline);
  const step = stepOf(run, task);
  const of = { pipeline: task.pipeline, task: task.id };
  const named = await latestArtifacts(call.db, of, [
    ...new Set([...(step?.reads ?? []), ...(step?.accepts ?? [])]),
  ]);
  const words = await wordsInForce(call.db, call.words, call.session.role);
  const brief: Brief = {
    task: taskId(task.id),
    title: clip(task.title, 250),
    pipeline: task.pipeline === null ? null : pipelineId(task.pipeline),
    phase: task.phase,
    round: task.round,
    description: '',
    criteria: JSON.parse(task.criteria) as string[],
    stops: JSON.parse(task.stops) as string[],
    leaves: step?.writes ?? [],
    closes: step?.closes ?? [],
    checkpoint: step?.checkpoint?.name ?? null,
    inputs: [],
    memory: [],
    lessons: [],
    estimates:
      run && step && isPlanning(run, step) ? await estimateLines(call.db, run.name, MOST_ESTIMATES) : [],
    soul: words.soul,
    prompt: words.prompt,
  };
  const artifacts = [...(await extraInputs(call.db, task.id)), ...named];
  const description = [task.description, run && `Request: ${run.request}`, await saidBefore(call, task)]
    .filter(Boolean)
    .join('\n\n');
  brief.memory = await memoryFor(call, task, Math.min(MEMORY_CHARACTERS, roomIn(brief, artifacts) / 3));
  const texts = [description, ...brief.criteria, ...artifacts.map(({ body }) => body)];
  brief.lessons = await giveLessons(
    call,
    task,
    texts,
    Math.min(LESSON_CHARACTERS, roomIn(brief, artifacts) / 2),
  );
  const room = roomIn(brief, artifacts);
  brief.description = clip(description, Math.min(3_000, Math.max(200, room)));
  brief.inputs = fit(brief, artifacts);
  return brief;
}

/** What an earlier run of this task left in words; it handed nothing in. */
async function saidBefore({ db }: Pick<Call, 'db'>, task: Row<'tasks'>): Promise<string | undefined> {
  const run = await lastFailedRun(db, task.id);
  if (!run?.said) return undefined;
  return `Run ${run.id} had this task and did not hand it in (${run.outcome}). Its last words, as data: ${clip(run.said, LAST_WORDS)}`;
}

/** What the agent knew before: first where that is older than the state it describes. */
async function memoryFor(
  { db, factory, session }: Pick<Call, 'db' | 'factory' | 'session'>,
  task: Row<'tasks'>,
  characters: number,
): Promise<string[]> {
  if (!isGranted(factory.roles[session.role]?.may ?? [], 'memory:own')) return [];
  const of = { agent: session.agent, role: session.role, task: task.id };
  const { warnings, lines } = await recall(db, of, characters / CHARACTERS_A_TOKEN);
  return [...warnings, ...(lines.length > 0 ? [NOTES, ...lines] : [])];
}

const roomIn = (brief: Brief, artifacts: readonly unknown[]) =>
  BRIEF_CHARACTERS - JSON.stringify(brief).length - artifacts.length * INPUT_CHARACTERS;

function fit(brief: Brief, artifacts: readonly Row<'artifacts'>[]): Brief['inputs'] {
  let room = roomIn(brief, artifacts);
  return artifacts.map(({ id, name, digest, size, body }) => {
    const cost = JSON.stringify(body).length;
    const inline = cost <= Math.min(LARGEST_INLINE, room);
    if (inline) room -= cost;
    const note = inline ? 'whole' : `Read before you work: artifact_get ${artifactId(id)}.`;
    return { artifact: artifactId(id), name, digest, size, body: inline ? body : null, note };
  });
}
