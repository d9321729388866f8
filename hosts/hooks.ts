import { type HostFactory, PROGRAMS, type Programs, quoted } from './factory.ts';

/** One entry of a host's `hooks`, in the form that Claude Code and Codex share. */
export interface HookEntry {
  readonly matcher?: string;
  readonly hooks: readonly Readonly<Record<string, unknown>>[];
}
export type Hooks = Readonly<Record<string, readonly HookEntry[]>>;

const GUARD_SECONDS = 20;
const CARD_SECONDS = 10;
/** Codex grants no more at the end of a session. */
const END_SECONDS = 3;
const NOT_RUN =
  'The Millwright guard did not run, so the call is blocked. A person finds out why: millwright doctor --host.';

/**
 * The hooks of a factory's host: the guard before every tool call, what keeps where a session stands, and what tells
 * a sub-agent that it still holds a task. The guard fails closed on every host and version, because its command ends with `exit 2`.
 *
 * @param failsClosed settings that a host knows besides, for a guard that never answered
 */
export function factoryHooks(
  factory: HostFactory,
  failsClosed: Readonly<Record<string, unknown>> = {},
): Hooks {
  const { node, launcher } = factory.programs;
  const card = command(words(node, launcher, 'memory', 'card', '--enrolment', factory.main.enrolment));
  const stopping = command(
    words(node, launcher, 'session', 'stopping', '--enrolment', factory.main.enrolment),
  );
  return {
    PreToolUse: [guarded(factory.programs, factory.policy, failsClosed)],
    SessionStart: [{ hooks: [card] }],
    PreCompact: [{ hooks: [card] }],
    SubagentStop: [{ hooks: [stopping] }],
    SessionEnd: [{ hooks: [{ ...card, timeout: END_SECONDS }] }],
  };
}

/**
 * The hooks of one run: the guard with the run's own policy, and where the agent stands, said again after a compaction.
 *
 * @param card the file that the runner keeps the agent's state card in
 */
export function runHooks(
  policy: string,
  card: string,
  failsClosed: Readonly<Record<string, unknown>> = {},
): Hooks {
  return {
    PreToolUse: [guarded(PROGRAMS, policy, failsClosed)],
    SessionStart: [{ matcher: 'compact', hooks: [command(words('cat', card))] }],
  };
}

function guarded(
  { node, guard }: Programs,
  policy: string,
  failsClosed: Readonly<Record<string, unknown>>,
): HookEntry {
  const line = `${words(node, guard, policy)} || { echo ${quoted(NOT_RUN)} >&2; exit 2; }`;
  return {
    matcher: '.*',
    hooks: [{ type: 'command', command: line, timeout: GUARD_SECONDS, ...failsClosed }],
  };
}

const words = (...all: string[]) => all.map(quoted).join(' ');
/** Never ends with 2, by which a host would keep a session from ending. */
const command = (line: string) => ({ type: 'command', command: `${line} || exit 1`, timeout: CARD_SECONDS });

/** What a hook prints for the model to read, in the form that Claude Code and Codex share. */
export const forModel = (hookEventName: string, additionalContext: string): string =>
  JSON.stringify({ hookSpecificOutput: { hookEventName, additionalContext } });

/** Whether a hook's command is one that `factoryHooks` wrote, of this installation or another. */
export const isOurHook = (line: unknown): boolean =>
  typeof line === 'string' && /(\/guard\/guard\.cjs|\/bin\/millwright\.cjs)'? /.test(line);
