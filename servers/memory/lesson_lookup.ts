import { lessonId } from '../core/ids.ts';
import { asLesson, broughtUp, type Lesson, pathsIn } from '../core/memory/lessons.ts';
import { errorSignatures } from '../core/memory/signature.ts';
import type { Db } from '../core/store/store.ts';
import { type Counts, countUses, listLessons } from './lesson_queries.ts';

const MOST_SEARCHED = 2_000;

export interface Found {
  lesson: Lesson;
  why: string;
  counts: Counts;
}

/** What a match is worth beside one shared word. */
const WORTH = { id: 1_000, signature: 100, command: 20, path: 10 };

/**
 * Lessons that fit a text, best first: an id, a pasted error, a path, a command or plain words. Faded ones are
 * found too; superseded ones are not.
 */
export async function lookUp(db: Db, text: string, limit: number): Promise<Found[]> {
  const lessons = (await listLessons(db, ['active', 'rewrite', 'faded'], MOST_SEARCHED)).map(asLesson);
  const counts = await countUses(db);
  const occasion = { signatures: errorSignatures(text), paths: pathsIn(text), texts: [text] };
  const wanted = wordsOf(text);
  const scored = await Promise.all(
    lessons.map(async (lesson) => {
      const match = await broughtUp(lesson, occasion);
      const isNamed = new RegExp(`\\b${lessonId(lesson.id)}\\b`, 'i').test(text);
      const shared = [...wordsOf(allText(lesson))].filter((word) => wanted.has(word));
      const score = (isNamed ? WORTH.id : 0) + (match ? WORTH[match.by] : 0) + shared.length;
      const why = isNamed ? 'named' : (match?.why ?? `shares ${shared.slice(0, 5).join(', ')}`);
      return { lesson, why, score, counts: counts.get(lesson.id) ?? { given: 0, prevented: 0, repeated: 0 } };
    }),
  );
  return scored
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score || other.lesson.id - one.lesson.id)
    .slice(0, limit)
    .map(({ lesson, why, counts }) => ({ lesson, why, counts }));
}

const allText = ({ root_cause, fix, prevention, paths, commands, signatures }: Lesson) =>
  [root_cause, fix, prevention, ...paths, ...commands, ...signatures].join(' ');

const STOP = new Set([
  'the',
  'and',
  'for',
  'that',
  'with',
  'from',
  'not',
  'its',
  'was',
  'are',
  'this',
  'but',
  'has',
]);
const wordsOf = (text: string) =>
  new Set((text.toLowerCase().match(/[a-z0-9][a-z0-9-]{2,}/g) ?? []).filter((word) => !STOP.has(word)));
