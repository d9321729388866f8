import type { HostileScore } from './hostile.ts';
import type { Scored } from './score.ts';

/** One line of progress: how an entry ended, and in how many seconds. */
export function outcomeOf({ id, sound, hits, missed, alarms, low, untested, ms }: Scored): string {
  const places = (list: readonly { class: string; where: string }[]) =>
    list.map(({ class: name, where }) => `${name} at ${where}`).join('; ');
  if (untested !== undefined) return `UNTESTED ${id}, ${rounded(ms)}: ${untested}`;
  if (sound)
    return `${alarms.length === 0 ? 'clean' : 'ALARM'} ${id}, ${rounded(ms)}: ${places(alarms)} (${low.length} low)`;
  return `${missed.length === 0 ? 'found' : 'MISSED'} ${id}, ${rounded(ms)}: ${places(missed.length === 0 ? hits : missed)}`;
}

/** The same of a hostile project. */
export const hostileOutcomeOf = ({ ok, id, verdict, reason, harm, ms }: HostileScore): string =>
  `${ok ? 'held' : 'HARM?'} ${id}, ${rounded(ms)}: ${verdict}, ${reason}; ${harm.join('; ')}`;

const rounded = (ms: number) => `${Math.round(ms / 1_000)} s`;
