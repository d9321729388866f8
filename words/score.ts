import type { Forbidden, Scenario, Wanted } from './scenario.ts';

/** One call that a model made, in order. */
export interface Called {
  tool: string;
  args: Record<string, unknown>;
  /** Whether a server refused it. */
  refused: boolean;
}

export interface Score {
  passed: boolean;
  /** One sentence for each call that is missing or should not have been made. */
  faults: string[];
}

/**
 * Judges a run by its calls and by nothing that was said. What is expected must have been answered; what is
 * forbidden must not even have been tried.
 */
export function score(
  { expect, forbid }: Pick<Scenario, 'expect' | 'forbid'>,
  calls: readonly Called[],
): Score {
  const answered = calls.filter(({ refused }) => !refused);
  const missing = expect
    .map((one) => (Array.isArray(one) ? one : [one]))
    .filter((any) => !any.some((wanted) => answered.some((call) => isCall(wanted, call))))
    .map((any) => `missing: ${any.map(named).join(' or ')}`);
  const tried = forbid
    .filter((one) => until(one, calls).some((call) => isCall(one, call)))
    .map((one) => `forbidden: ${named(one)}${one.before ? ` before ${one.before}` : ''}`);
  const faults = [...missing, ...tried];
  return { passed: faults.length === 0, faults };
}

function until({ before }: Forbidden, calls: readonly Called[]): readonly Called[] {
  if (before === undefined) return calls;
  const at = calls.findIndex(({ tool, refused }) => tool === before && !refused);
  return at < 0 ? calls : calls.slice(0, at);
}

const isCall = ({ tool, where }: Wanted, call: Called) => call.tool === tool && matches(where, call.args);
const named = ({ tool, where }: Wanted) =>
  Object.keys(where).length === 0 ? tool : `${tool} ${JSON.stringify(where)}`;

/**
 * Whether `value` has everything that `pattern` names: objects by their named keys, lists when each pattern finds an
 * element, a text `/…/` as a regular expression without regard to case, anything else when it is equal.
 */
export function matches(pattern: unknown, value: unknown): boolean {
  if (typeof pattern === 'string') {
    const source = /^\/(.+)\/$/s.exec(pattern)?.[1];
    return source === undefined
      ? value === pattern
      : typeof value === 'string' && new RegExp(source, 'isu').test(value);
  }
  if (Array.isArray(pattern))
    return Array.isArray(value) && pattern.every((one) => value.some((element) => matches(one, element)));
  if (typeof pattern === 'object' && pattern !== null)
    return (
      typeof value === 'object' &&
      value !== null &&
      Object.entries(pattern).every(([key, one]) => matches(one, (value as Record<string, unknown>)[key]))
    );
  return value === pattern;
}
