import { ToolError } from './errors.ts';
import type { AnyTool } from './tool.ts';

/** An agent's own words come back in it: a key it made up, for example. */
const LONGEST_FAULT = 200;

/** The arguments as the tool's schema has them. Throws `INVALID_INPUT` with what is wrong and what the form is. */
export function validated(tool: AnyTool, given: unknown): never {
  const parsed = tool.input.safeParse(given ?? {});
  const odd = parsed.success ? unstorable(parsed.data) : undefined;
  if (parsed.success && odd === undefined) return parsed.data as never;
  const form = Object.entries(tool.input.shape).map(([key, value]) =>
    value.safeParse(undefined).success ? `${key} (optional)` : key,
  );
  const faults = parsed.success
    ? [`${odd}: has a NUL or half of a surrogate pair, which no text has`]
    : parsed.error.issues
        .slice(0, 5)
        .map((issue) => `${issue.path.join('.') || 'arguments'}: ${issue.message}`.slice(0, LONGEST_FAULT));
  throw new ToolError(
    'INVALID_INPUT',
    `${faults.join('; ')}.`,
    form.length > 0
      ? `Call ${tool.name} again; its arguments are ${form.join(', ')}.`
      : `Call ${tool.name} again without arguments.`,
    { rule: 'input.invalid' },
  );
}

/** The first argument with text that one of the databases refuses or changes; undefined when there is none. */
function unstorable(input: Record<string, unknown>): string | undefined {
  const isStorable = (text: string) => text.isWellFormed() && !text.includes('\0');
  for (const [argument, value] of Object.entries(input)) {
    const open: unknown[] = [value];
    while (open.length > 0) {
      const next = open.pop();
      if (typeof next === 'string' && !isStorable(next)) return argument;
      if (typeof next === 'object' && next !== null) {
        for (const [key, inner] of Object.entries(next)) open.push(key, inner);
      }
    }
  }
  return undefined;
}
