import { stepOf } from '../core/factory/steps.ts';
import { artifactId, pipelineId, taskId } from '../core/ids.ts';
import type { Row } from '../core/store/schema.ts';
import type { Call } from '../core/tool.ts';
import { readRole } from '../core/words.ts';
import { extraInputs, latestArtifacts } from './artifacts_queries.ts';
import { clip } from './fit.ts';
import { findPipeline } from './pipelines_queries.ts';

/** Leaves room in a host's 10,000 characters for the JSON around the texts. */
const BRIEF_CHARACTERS = 9_000;
const LARGEST_INLINE = 2_000;
/** What an input takes without its body. */
const INPUT_CHARACTERS = 260;

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
  soul: string;
  prompt: string;
}

/** Composes the brief of one task: exactly the artifacts its step names, and nothing of other phases. */
export async function briefFor(
  call: Pick<Call, 'db' | 'factory' | 'session'>,
  task: Row<'tasks'>,
): Promise<Brief> {
  const run = task.pipeline === null ? undefined : await findPipeline(call.db, task.pipeline);
  const step = stepOf(run, task);
  const of = { pipeline: task.pipeline, task: task.id };
  const named = await latestArtifacts(call.db, of, [
    ...new Set([...(step?.reads ?? []), ...(step?.accepts ?? [])]),
  ]);
  const words = readRole(call.session.role);
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
    soul: words.soul,
    prompt: words.prompt,
  };
  const artifacts = [...(await extraInputs(call.db, task.id)), ...named];
  const description = [task.description, run && `Request: ${run.request}`].filter(Boolean).join('\n\n');
  const room = BRIEF_CHARACTERS - JSON.stringify(brief).length - artifacts.length * INPUT_CHARACTERS;
  brief.description = clip(description, Math.min(3_000, Math.max(200, room)));
  brief.inputs = fit(brief, artifacts);
  return brief;
}

function fit(brief: Brief, artifacts: readonly Row<'artifacts'>[]): Brief['inputs'] {
  let room = BRIEF_CHARACTERS - JSON.stringify(brief).length - artifacts.length * INPUT_CHARACTERS;
  return artifacts.map(({ id, name, digest, size, body }) => {
    const cost = JSON.stringify(body).length;
    const inline = cost <= Math.min(LARGEST_INLINE, room);
    if (inline) room -= cost;
    const note = inline ? 'whole' : `Read before you work: artifact_get ${artifactId(id)}.`;
    return { artifact: artifactId(id), name, digest, size, body: inline ? body : null, note };
  });
}
