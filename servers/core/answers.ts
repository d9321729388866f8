import { randomUUID } from 'node:crypto';
import { ToolError } from './errors.ts';
import { inTime } from './in_time.ts';
import { scrub } from './secrets/scrub.ts';
import type { Services } from './services.ts';
import type { AnyTool } from './tool.ts';

/** Hosts cut longer answers, in silence. */
const LONGEST_ANSWER = 10_000;
/** Hosts give up on slower tools. */
const SLOWEST_ANSWER_MS = 45_000;

/** A success also as its JSON `text`. */
export type Answer =
  | { ok: true; value: Record<string, unknown>; text: string }
  | { ok: false; error: ToolError };

/** The work's result. Throws `LIMIT` when it takes longer than a host waits; the work goes on. */
export const beforeHostsGiveUp = <T>(work: Promise<T>): Promise<T> =>
  inTime(work, SLOWEST_ANSWER_MS, tooSlow);

const tooSlow = () =>
  new ToolError(
    'LIMIT',
    'The call took longer than a host waits.',
    'Look at what it did with task_show before you call again.',
    { rule: 'limit.time' },
  );

/** The answer as its schema has it, and its JSON. Throws `LIMIT` when a host would cut it. */
export function presentable(tool: AnyTool, given: Record<string, unknown>) {
  const parsed: Record<string, unknown> = tool.output.parse(given);
  const said = JSON.stringify(parsed);
  const text = scrub(said);
  const value = text === said ? parsed : (JSON.parse(text) as Record<string, unknown>);
  if (text.length > LONGEST_ANSWER) {
    throw new ToolError(
      'LIMIT',
      `The answer is longer than ${LONGEST_ANSWER} characters.`,
      'Ask for less: a lower limit, or one item at a time.',
      {
        rule: 'limit.size',
      },
    );
  }
  return { value, text };
}

/** What an agent is told of a defect; the rest is logged under the same number. */
export function incident(services: Services, thrown: unknown): ToolError {
  const number = randomUUID().slice(0, 8);
  services.log(
    `incident ${number}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
  );
  return new ToolError(
    'INTERNAL',
    `Unexpected failure, incident ${number}.`,
    'Do not repeat the call; name the incident number in task_block.',
    {
      rule: 'internal',
    },
  );
}
