import { scrub } from './secrets/scrub.ts';

/**
 * The whole vocabulary of failure an agent can meet. Few and stable: hosts and prompts rely on them.
 */
export const ERROR_CODES = [
  'INVALID_INPUT',
  'NOT_FOUND',
  'FORBIDDEN',
  'CONFLICT',
  'LEASE_LOST',
  'GATE_CLOSED',
  'LIMIT',
  'UPSTREAM',
  'INTERNAL',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * An expected failure, written for the agent that caused it.
 *
 * `message` says what is so, `remedy` what to do next (naming a tool the caller can call), `rule` the id of
 * the rule that refused, as listed in docs/rules.md. `cause` is for the operator: it never reaches a model.
 */
export class ToolError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly rule: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    remedy: string,
    more: { rule?: string; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'ToolError';
    this.code = code;
    this.remedy = remedy;
    this.rule = more.rule;
  }

  /** The text an agent reads: `CODE: what.` and, on the next line, `Next: remedy`. */
  render(): string {
    return scrub(`${this.code}: ${this.message}\nNext: ${this.remedy}`);
  }
}
