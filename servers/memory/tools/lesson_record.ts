import * as z from 'zod';
import { lessonId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { recordLesson } from '../lessons.ts';
import { renderLessons } from '../lessons_file.ts';
import { redact } from '../redact.ts';

/** Credentials are taken out before anything, the record too, keeps the argument. */
const words = (longest: number) =>
  z
    .string()
    .max(longest)
    .refine((text) => text.trim().length >= 3, 'too short')
    .transform((text) => redact(text.trim()));
const isLesson = (id: string) => /^L-[1-9]\d{0,12}$/.test(id);
const numberOf = (id: string | undefined) => (id === undefined ? undefined : Number(id.slice(2)));

const evidence = z
  .string()
  .max(64)
  .refine(
    (id) => /^(?:[0-9a-f]{40}|[0-9a-f]{64}|A-[1-9]\d{0,12})$/.test(id),
    'a digest, a commit or an id such as "A-12"',
  );

export default defineTool({
  name: 'lesson_record',
  needs: 'lesson:record',
  effect: 'write',
  outside: true,
  description:
    'Record what a failure taught, for whoever meets its trigger next. Evidence: digests, commits. third_party: whose words.',
  input: z.strictObject({
    root_cause: words(600),
    fix: words(600),
    prevention: words(400),
    triggers: z.array(words(120)).max(12).optional().describe('Path globs, commands.'),
    error: z.string().max(8000).transform(redact).optional(),
    evidence: z.array(evidence).max(6),
    supersedes: z.string().max(16).refine(isLesson, 'an id such as "L-3"').optional(),
    third_party: words(300).optional(),
  }),
  output: z.object({ lesson: z.string(), signature: z.string() }),

  async handler({ triggers = [], error, supersedes, third_party: source, ...given }, call) {
    const { session, services, now } = call;
    const by = { agent: session.agent, role: session.role, session: session.id, task: session.task, now };
    const { id, signature } = await call.transaction((tx) =>
      recordLesson(tx, by, {
        ...given,
        ...sorted(triggers),
        error,
        source,
        supersedes: numberOf(supersedes),
      }),
    );
    call.about(`lesson:${id}`);
    await renderLessons(services);
    return { lesson: lessonId(id), signature };
  },
});

/** A trigger with a slash, a wildcard or the ending of a file is a path; words are a command. */
function sorted(triggers: readonly string[]): { paths: string[]; commands: string[] } {
  const isPath = (trigger: string) => !/\s/.test(trigger) && /[/*]|\w\.[a-z]{1,5}$/i.test(trigger);
  return { paths: triggers.filter(isPath), commands: triggers.filter((trigger) => !isPath(trigger)) };
}
