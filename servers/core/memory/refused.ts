import { ToolError } from '../errors.ts';
import type { Db } from '../store/store.ts';
import { lessonLine, lessonsFor } from './lessons.ts';
import { errorSignature } from './signature.ts';

/** The refusal with the lesson that speaks of it, or of its rule, behind its remedy; as it is when there is none. */
export async function withLesson(db: Db, rule: string, error: ToolError): Promise<ToolError> {
  const signatures = [errorSignature(`${error.code}: ${error.message}`), errorSignature(rule)];
  const [match] = await lessonsFor(db, { signatures, paths: [], texts: [] }, 1);
  if (!match) return error;
  const remedy = `${error.remedy}\nLesson: ${lessonLine(match)}`;
  return new ToolError(error.code, error.message, remedy, { rule, cause: error.cause });
}
