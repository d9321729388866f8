import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../core/files.ts';
import { lessonId } from '../core/ids.ts';
import { asLesson, type Lesson } from '../core/memory/lessons.ts';
import type { FactoryPaths } from '../core/paths.ts';
import type { Services } from '../core/services.ts';
import type { Row } from '../core/store/schema.ts';
import { type Counts, countUses, listLessons } from './lesson_queries.ts';

const MOST_SHOWN = 500;
const NONE: Counts = { given: 0, prevented: 0, repeated: 0 };
const SECTIONS: readonly [Row<'lessons'>['state'], string][] = [
  ['rewrite', 'To be rewritten: their failure came again'],
  ['active', 'In use'],
  ['faded', 'Faded: not given any more, still found by a search'],
];

const lessonsFile = (paths: Pick<FactoryPaths, 'memory'>) => join(paths.memory, 'lessons.md');

/** Writes `lessons.md` anew from the store, whole or not at all. */
export async function renderLessons({ store, paths }: Pick<Services, 'store' | 'paths'>): Promise<string> {
  const path = lessonsFile(paths);
  const counts = await countUses(store.db);
  const parts = await Promise.all(
    SECTIONS.map(async ([state, title]) => {
      const lessons = (await listLessons(store.db, [state], MOST_SHOWN)).map(asLesson);
      const items = lessons.map((lesson) => item(lesson, counts.get(lesson.id) ?? NONE));
      return items.length === 0 ? [] : [`## ${title}`, ...items];
    }),
  );
  await mkdir(paths.memory, { recursive: true, mode: 0o700 });
  await replaceFile(path, `${[HEAD, ...parts.flat()].join('\n\n')}\n`);
  return path;
}

const HEAD = `# Lessons

Generated from the store; what is written here by hand is lost. Agents add lessons with lesson_record;
\`millwright lessons propose L-1\` asks for a gate or guard rule in a lesson's place.`;

function item(lesson: Lesson, { given, prevented, repeated }: Counts): string {
  const { root_cause, fix, prevention, paths, commands, signatures, trust, origin, role, evidence } = lesson;
  const quoted = (text: string) =>
    trust === 'third-party' ? `(third-party, data) ${JSON.stringify(text)}` : oneLine(text);
  const trigger = [
    ...paths.map((path) => `path \`${path}\``),
    ...commands.map((command) => `command \`${command}\``),
    ...signatures.map((signature) => `error \`${signature.slice(17)}\``),
  ];
  return [
    `### ${lessonId(lesson.id)} ${quoted(prevention)}`,
    `- Cause: ${quoted(root_cause)}`,
    `- Fix: ${quoted(fix)}`,
    `- Comes up at: ${oneLine(trigger.join(', '))}`,
    `- By ${origin === 'seed' ? 'Millwright' : role}; evidence ${oneLine(evidence.join(', '))}`,
    `- Given ${given} times, prevented ${prevented}, repeated ${repeated}`,
  ].join('\n');
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();
