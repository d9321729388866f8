import { latestSubmission } from '../core/conditions.ts';
import type { Factory } from '../core/factory/definition.ts';
import { lessonId, taskId } from '../core/ids.ts';
import { type Failure, failuresOfTask, lastFailures } from '../core/memory/failures.ts';
import {
  asLesson,
  isFailureOf,
  type Lesson,
  lessonLine,
  lessonsFor,
  type Matched,
  pathsIn,
} from '../core/memory/lessons.ts';
import { errorSignatures } from '../core/memory/signature.ts';
import { isGranted } from '../core/permissions.ts';
import type { Row } from '../core/store/schema.ts';
import type { Tx } from '../core/store/store.ts';
import type { Call } from '../core/tool.ts';
import {
  decidedUses,
  decideUse,
  findLesson,
  insertUses,
  leaveActive,
  openUses,
  submittedFiles,
} from './lesson_queries.ts';
import { insertTask } from './queries.ts';

/** More are skimmed, not read. */
const MOST_IN_BRIEF = 5;
/**
 * As many uses in a row in which its failure was seen nowhere: neither had it happened, nor did it. The danger is
 * gone or the trigger too wide, and every brief it stands in pays for it. Twenty, since a real failure that comes
 * up in one of seven such tasks is missed then only once in twenty times.
 */
const FADES_AFTER = 20;
/** The failure came again although the lesson was read, twice of three times: its words do not help. */
const [REWRITE_AT, REWRITE_OF] = [2, 3];

type Giving = Pick<Call, 'tx' | 'factory' | 'session' | 'now'>;

/**
 * The lessons for the brief of a task, best first, in at most `room` characters of JSON, and a row for each that
 * it was given. What sent the task back counts first, then commands and paths that its texts or its change name.
 */
export async function giveLessons(call: Giving, task: Row<'tasks'>, texts: readonly string[], room: number) {
  const given = await bestLessons(call, task, texts, room);
  if (given.length === 0) return [];
  await insertUses(
    call.tx,
    given.map(({ lesson, by }) => ({
      lesson: lesson.id,
      task: task.id,
      session: call.session.id,
      matched_by: by,
      given_at: call.now,
    })),
  );
  return given.map(lessonLine);
}

async function bestLessons(
  { tx, factory, session, now }: Giving,
  task: Row<'tasks'>,
  texts: readonly string[],
  room: number,
): Promise<Matched[]> {
  const isSecondTry = task.round > 1 || (task.started_at ?? now) < now;
  const failures = isSecondTry ? await lastFailures(tx, task) : [];
  const submission = isSecondTry
    ? await latestSubmission(tx, { pipeline: task.pipeline, task: task.id })
    : undefined;
  const files = submission ? await submittedFiles(tx, submission.task) : [];
  const occasion = {
    signatures: failures.flatMap(({ text }) => errorSignatures(text)),
    paths: [...files, ...texts.flatMap(pathsIn), ...ownPaths(factory, session.role)],
    texts,
  };
  const found = await lessonsFor(tx, occasion, MOST_IN_BRIEF);
  let left = room;
  return found.filter((match) => {
    left -= JSON.stringify(lessonLine(match)).length + 1;
    return left >= 0;
  });
}

/** Folders that are this role's own; a role that may write everywhere has none. */
const ownPaths = (factory: Factory, role: string) =>
  (factory.roles[role]?.writes ?? [])
    .filter((glob) => !glob.startsWith('*'))
    .map((glob) => glob.replaceAll('*', '_'));

/**
 * Decides what became of the lessons given in a task that ends. A failure a lesson speaks of that came after it was
 * given: repeated, also when it shows only later, in review or QA. Otherwise prevented, if the task was done and could
 * have met it; any other shows neither.
 */
export async function endLessons(
  call: Pick<Call, 'tx' | 'factory' | 'now'>,
  task: Row<'tasks'>,
  isDone: boolean,
): Promise<void> {
  const { tx, now } = call;
  for (const use of await openUses(tx, task.id)) {
    const lesson = asLesson(await findLesson(tx, use.lesson));
    const failures = await failuresOfTask(tx, task, use.given_at);
    const isRepeated = await anyIsOf(lesson, failures);
    if (!isRepeated && use.decided_at !== null) continue;
    const isPrevented = isDone && (use.matched_by !== 'signature' || (await mayMeet(tx, task)));
    await decideUse(tx, use.id, isRepeated ? 'repeated' : isPrevented ? 'prevented' : null, now);
    if (lesson.state === 'active') await judgeLesson(call, lesson);
  }
}

/** Whether the failure that sent a pipeline back can show in this task: where a change failed, only in one that made it anew. */
async function mayMeet(tx: Tx, task: Row<'tasks'>): Promise<boolean> {
  const submission = await latestSubmission(tx, { pipeline: task.pipeline, task: task.id });
  return submission === undefined || submission.task === task.id;
}

async function anyIsOf(lesson: Lesson, failures: readonly Failure[]): Promise<boolean> {
  for (const { text } of failures) if (await isFailureOf(lesson, errorSignatures(text), text)) return true;
  return false;
}

async function judgeLesson({ tx, factory, now }: Pick<Call, 'tx' | 'factory' | 'now'>, lesson: Lesson) {
  const uses = await decidedUses(tx, lesson.id, FADES_AFTER);
  const repeated = uses.slice(0, REWRITE_OF).filter(({ outcome }) => outcome === 'repeated');
  if (repeated.length >= REWRITE_AT) {
    if (await leaveActive(tx, lesson.id, 'rewrite')) await askForRewrite(tx, factory, lesson, repeated, now);
    return;
  }
  const isUnseen = uses.every((use) => use.matched_by !== 'signature' && use.outcome !== 'repeated');
  if (uses.length === FADES_AFTER && isUnseen) await leaveActive(tx, lesson.id, 'faded');
}

/** For the role that recorded it, where that role still may; else for the lead. */
async function askForRewrite(
  tx: Tx,
  factory: Factory,
  lesson: Lesson,
  repeated: readonly { task: number }[],
  now: number,
): Promise<void> {
  const may = factory.roles[lesson.role]?.may ?? [];
  const id = lessonId(lesson.id);
  await insertTask(tx, {
    title: `Rewrite lesson ${id}: its failure came again`,
    description:
      `Agents read ${id} and the failure it speaks of came again in ${repeated.map(({ task }) => taskId(task)).join(', ')}. ` +
      `It says: ${JSON.stringify(lesson.prevention.slice(0, 1_000))}. Find out what they did with it, and record a better one ` +
      `that supersedes ${id}, or ask for a gate that makes the failure impossible.`,
    criteria: [`A lesson supersedes ${id}, or a task asks for a gate or guard rule in its place`],
    stops: ['The two failures have different causes'],
    role: isGranted(may, 'lesson:record') ? lesson.role : factory.lead,
    priority: 50,
    needs: [],
    createdBy: 'server',
    now,
  });
}
