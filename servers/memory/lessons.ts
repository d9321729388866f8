import { ToolError } from '../core/errors.ts';
import { lessonId } from '../core/ids.ts';
import { asLesson } from '../core/memory/lessons.ts';
import { errorSignature, signatureKey } from '../core/memory/signature.ts';
import { lockInLine } from '../core/store/line.ts';
import type { Row } from '../core/store/schema.ts';
import type { Tx } from '../core/store/store.ts';
import { countOf, evidenceFor, findLesson, insertLesson, listLessons, supersede } from './lesson_queries.ts';

const DAY = 86_400_000;
/** A factory that learns more in a day has one root cause that nobody looked for. */
const A_DAY = 30;
/** More repetitions in one glob can be made slow by a long path. */
const MOST_STARS = 6;

export interface LessonGiven {
  root_cause: string;
  fix: string;
  prevention: string;
  paths: readonly string[];
  commands: readonly string[];
  /** The text of the failure, of which only the signature is kept. */
  error: string | undefined;
  evidence: readonly string[];
  supersedes: number | undefined;
  /** Where a text of somebody outside the factory was found. */
  source: string | undefined;
}

type By = Pick<Row<'lessons'>, 'agent' | 'role' | 'session' | 'task'> & { now: number };

/**
 * Adds a lesson. Throws `INVALID_INPUT` without a trigger, or with one that everything touches; `NOT_FOUND` for
 * evidence or a lesson that is not there; `CONFLICT` when a lesson in use has this very failure; `FORBIDDEN` when it
 * would supersede another role's; `LIMIT` beyond the quota.
 */
export async function recordLesson(
  tx: Tx,
  by: By,
  given: LessonGiven,
): Promise<{ id: number; signature: string }> {
  refuseTrigger(given);
  await lockInLine(tx, 'lessons');
  await refuseOverQuota(tx, by);
  const signature = errorSignature(given.error ?? '');
  await refuseKnown(tx, signature, given.supersedes);
  if (given.supersedes !== undefined) await refuseSupersede(tx, by, given.supersedes);
  const id = await insertLesson(tx, {
    root_cause: given.root_cause,
    fix: given.fix,
    prevention: given.prevention,
    paths: JSON.stringify(given.paths),
    commands: JSON.stringify(given.commands),
    signatures: JSON.stringify(signature === '' ? [] : [signature]),
    evidence: JSON.stringify(await checkedEvidence(tx, given)),
    origin: 'agent',
    trust: given.source === undefined ? 'own' : 'third-party',
    agent: by.agent,
    role: by.role,
    session: by.session,
    task: by.task,
    created_at: by.now,
  });
  if (given.supersedes !== undefined) await supersede(tx, given.supersedes, id);
  return { id, signature };
}

function refuseTrigger({ paths, commands, error }: LessonGiven): void {
  const invalid = (why: string) =>
    new ToolError(
      'INVALID_INPUT',
      why,
      'Call lesson_record again with a trigger that only this kind of work touches.',
      {
        rule: 'lesson.trigger',
      },
    );
  if (paths.length + commands.length === 0 && !error?.trim())
    throw invalid('Nothing would bring this lesson up.');
  const wide = paths.find((glob) => !/[A-Za-z0-9]/.test(glob.replace(/\.\w{1,4}$/, '')));
  if (wide !== undefined) throw invalid(`${wide} is every file.`);
  const slow = paths.find((glob) => (glob.match(/[*?]/g)?.length ?? 0) > MOST_STARS);
  if (slow !== undefined) throw invalid(`${slow} has more than ${MOST_STARS} wildcards.`);
}

async function refuseOverQuota(tx: Tx, { agent, now }: By): Promise<void> {
  if ((await countOf(tx, agent, now - DAY)) < A_DAY) return;
  throw new ToolError(
    'LIMIT',
    `You have recorded ${A_DAY} lessons in 24 hours.`,
    'Find the cause they share with lesson_search, and record that one tomorrow.',
    { rule: 'lesson.quota' },
  );
}

async function refuseKnown(tx: Tx, signature: string, supersedes: number | undefined): Promise<void> {
  if (signature === '') return;
  const key = signatureKey(signature);
  const twin = (await listLessons(tx, ['active', 'rewrite'], 1_000))
    .map(asLesson)
    .find(({ id, signatures }) => id !== supersedes && signatures.some((one) => signatureKey(one) === key));
  if (!twin) return;
  throw new ToolError(
    'CONFLICT',
    `${lessonId(twin.id)} speaks of this failure already.`,
    `Read it with lesson_search; if yours is better, call lesson_record with supersedes "${lessonId(twin.id)}".`,
    { rule: 'lesson.known' },
  );
}

async function refuseSupersede(tx: Tx, { role }: By, id: number): Promise<void> {
  const lesson = await findLesson(tx, id);
  if (!lesson || lesson.state === 'superseded')
    throw new ToolError(
      'NOT_FOUND',
      `No lesson ${lessonId(id)} is in use.`,
      'Look for it with lesson_search.',
    );
  if (lesson.role === role || lesson.origin === 'seed' || lesson.state === 'rewrite') return;
  throw new ToolError(
    'FORBIDDEN',
    `${lessonId(id)} is a lesson of ${lesson.role}.`,
    'Record yours beside it with lesson_record, without supersedes.',
    { rule: 'lesson.other-role' },
  );
}

async function checkedEvidence(tx: Tx, { evidence, source }: LessonGiven): Promise<string[]> {
  if (evidence.length === 0) throw noEvidence('No evidence is named.');
  const found: string[] = [];
  for (const given of evidence) {
    const known = await evidenceFor(tx, given);
    if (known === undefined) throw noEvidence(`Nothing in this factory has the id ${given}.`);
    found.push(known);
  }
  return source === undefined ? found : [...found, `source:${source}`];
}

const noEvidence = (why: string) =>
  new ToolError(
    'NOT_FOUND',
    why,
    'Name a digest, commit or artifact as your brief and your tools show them.',
    {
      rule: 'lesson.evidence',
    },
  );
