import * as z from 'zod';
import { BadLine } from './import.ts';
import { linesOf } from './lines.ts';

const MOST_QUESTIONS = 20_000;
const id = z.union([z.string().min(1).max(100), z.int()]).transform(String);

/** A question and the ids of the entries that answer it; `stale` ones must not stand above them. */
const questionSchema = z.object({
  question: z.string().min(1).max(2_000),
  expect: z.array(id).min(1).max(50),
  stale: z.array(id).max(50).default([]),
  split: z.string().max(40).optional(),
});
export type Question = z.output<typeof questionSchema>;

/** The questions of a file, one a line as JSON; those of one `split` when it is named. Throws `BadLine`. */
export async function readQuestions(file: string, split?: string): Promise<Question[]> {
  const questions: Question[] = [];
  for await (const { n, text } of linesOf(file)) {
    const question = questionSchema.safeParse(parsed(n, text));
    if (!question.success) {
      const [issue] = question.error.issues;
      throw new BadLine(n, `${issue?.path.join('.') || 'the line'}: ${issue?.message ?? 'is no question'}`);
    }
    if (split === undefined || question.data.split === split) questions.push(question.data);
    if (questions.length > MOST_QUESTIONS) throw new BadLine(n, `more than ${MOST_QUESTIONS} questions`);
  }
  return questions;
}

function parsed(n: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadLine(n, 'it is no JSON');
  }
}
