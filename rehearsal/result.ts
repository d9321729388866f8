import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { must, type Stage } from './stage.ts';
import type { Kit } from './steps/kit.ts';
import { heldUp, type Version } from './steps/versions.ts';

export interface Rehearsal {
  ok: boolean;
  request: string;
  phases: {
    id: string;
    name: string;
    role: string;
    rounds: number;
    ms: number;
    gates: { name: string; closed: boolean; digest: string; isolation: string }[];
  }[];
  refused: { rule: string; role: string; tool: string; code: string; why: string }[];
  /** Refusals that were asked for and did not happen. */
  missing: { rule: string; role: string; tool: string }[];
  checkpoints: { name: string; decision: string; assurance: string; digest: string }[];
  recovered: { task: string; from: string; to: string; fence: number }[];
  /** Tasks whose brief brought a lesson that was recorded here, and whether its failure came again in them. */
  lessons: { lesson: string; task: string; matchedBy: string; outcome: string | null }[];
  release: { url: string; version: string; commit: string; verified: boolean } | null;
  /** The versions after the first release: a bad one, and the one that mends it. */
  versions: Version[];
  record: { entries: number; verified: boolean; head: string; tampered: string };
  ms: number;
}

interface Told {
  request: string;
  times: Map<string, number>;
  since: number;
  versions: Version[];
}

/** Reads back what happened: from the record after it was verified, and from the command line, as anybody could. */
export async function readBack(kit: Kit, { request, times, since, versions }: Told): Promise<Rehearsal> {
  const { stage } = kit;
  const verified = await must(stage.millwright(['record', 'verify']), 'The record');
  const shown = (await must(stage.millwright(['pipeline', kit.pipeline]), 'The pipeline'))
    .json as unknown as Shown;
  const { refused, missing } = await refusals(kit);
  const record = {
    entries: Number(verified.json.entries),
    verified: verified.json.ok === true,
    head: String(verified.json.head),
    tampered: await tamperWithCopy(stage),
  };
  const release = shown.release;
  const phases = shown.phases.map(({ id, name, role, rounds, gates }) => ({
    id,
    name,
    role,
    rounds,
    ms: Math.round(times.get(id) ?? 0),
    gates,
  }));
  const caught = record.tampered !== '';
  const lessons = await usesOf(kit);
  const outcomes = new Set(lessons.map(({ outcome }) => outcome));
  const learned = kit.lesson === '' || (outcomes.has('prevented') && !outcomes.has('repeated'));
  return {
    ok:
      missing.length === 0 &&
      record.verified &&
      caught &&
      learned &&
      release?.verified === true &&
      heldUp(versions),
    request,
    phases,
    refused,
    missing,
    checkpoints: shown.checkpoints,
    recovered: kit.recovered.map((one) => ({ ...one, fence: shown.fences[one.task] ?? 0 })),
    lessons,
    release,
    versions,
    record,
    ms: Math.round(performance.now() - since),
  };
}

/** What the record has of refusals, and which of those that were asked for it lacks. */
export async function refusals({ stage, expected }: Kit): Promise<Pick<Rehearsal, 'refused' | 'missing'>> {
  const { json } = await must(stage.millwright(['record', 'tail', '--all']), 'The record');
  const refused = (json.entries as unknown as Entry[])
    .filter(({ event }) => event === 'refused')
    .map(({ rule, role, tool, code, why }) => ({ rule, role, tool, code, why }));
  const missing = expected.filter(
    (wanted) => !refused.some((entry) => entry.rule === wanted.rule && entry.tool === wanted.tool),
  );
  return { refused, missing };
}

async function usesOf({ stage, lesson }: Kit): Promise<Rehearsal['lessons']> {
  if (lesson === '') return [];
  const { json } = await must(stage.millwright(['lessons', 'show', lesson]), 'The lesson');
  const uses = json.uses as Omit<Rehearsal['lessons'][number], 'lesson'>[];
  return uses.map(({ task, matchedBy, outcome }) => ({ lesson, task, matchedBy, outcome }));
}

interface Entry {
  event: string;
  rule: string;
  role: string;
  tool: string;
  code: string;
  why: string;
}

interface Shown {
  phases: Omit<Rehearsal['phases'][number], 'ms'>[];
  checkpoints: Rehearsal['checkpoints'];
  release: Rehearsal['release'];
  fences: Record<string, number>;
}

/**
 * Copies the store, changes one byte of the last refusal's text, and has the copy verified. Returns what the
 * verification says is wrong; empty when it noticed nothing.
 */
async function tamperWithCopy(stage: Stage): Promise<string> {
  const copy = join(stage.folder, 'copy.sqlite');
  await must(stage.millwright(['backup', copy]), 'The copy');
  if (!(await flipByte(copy, 'may not'))) return '';
  const { exit, json } = await stage.millwright(['record', 'verify', '--database', copy]);
  return exit === 0
    ? ''
    : String(json.why ?? (json.error as { message?: string } | undefined)?.message ?? 'damaged');
}

async function flipByte(file: string, near: string): Promise<boolean> {
  const handle = await open(file, 'r+');
  try {
    const bytes = await handle.readFile();
    const at = bytes.lastIndexOf(near);
    if (at < 0) return false;
    await handle.write(Buffer.from([(bytes[at] ?? 0) ^ 1]), 0, 1, at);
    return true;
  } finally {
    await handle.close();
  }
}
