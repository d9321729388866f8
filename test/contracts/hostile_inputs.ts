import { validated } from '../../servers/core/validation.ts';
import { type FleetTool, nodesOf, type Schema } from './fleet.ts';
import { sample, withValue } from './samples.ts';

type Args = Record<string, unknown>;

/** An argument, and a list of it, that is a text; `isFree` where no pattern or list of words bounds it. */
export interface TextArgument {
  readonly path: string;
  readonly isFree: boolean;
  /** Characters that it takes. */
  readonly longest: number;
}

/** Texts in one array of one call. */
const MOST_ITEMS = 8;
/** A text this short names something: it stands alone in its call, so that no other argument's text is in its way. */
const LONGEST_NAME = 50;

/** Every text argument of a tool, nested ones and keys too: found in its schema, so that no tool is left out. */
export function textArguments({ takes }: FleetTool): TextArgument[] {
  return nodesOf(takes)
    .filter(({ schema }) => schema.type === 'string')
    .map(({ path, schema }) => ({
      path,
      isFree: !schema.pattern && !schema.enum && (schema.maxLength ?? 0) > LONGEST_NAME,
      longest: schema.maxLength ?? 0,
    }));
}

/** Arguments the tool's schema accepts, as `fitting` has them, with `text` at `path`. */
export function argumentsWith({ takes }: FleetTool, fitting: Args, path: string, text: string): Args {
  const args = { ...(sample(takes) as Args), ...fitting };
  return withValue(takes, args, path, text);
}

/** What the schema says to arguments, without the pipeline around it. Throws what is no refusal. */
export function accepts({ tool }: FleetTool, args: Args): { input: Args } | { refusal: Error } {
  try {
    return { input: validated(tool, args) as Args };
  } catch (error) {
    if ((error as { code?: string }).code !== 'INVALID_INPUT') throw error;
    return { refusal: error as Error };
  }
}

/** The same texts, a line each, several to a text of at most `longest` characters. */
export function joined(texts: readonly string[], longest: number): string[] {
  const made: string[] = [];
  for (const text of texts) {
    const last = made.at(-1);
    if (last !== undefined && last.length + 1 + text.length <= longest)
      made[made.length - 1] = `${last}\n${text}`;
    else made.push(text);
  }
  return made;
}

/** Gives each free argument its next texts, several to each array, until all have had all of theirs. */
export function batches({ takes }: FleetTool, texts: ReadonlyMap<string, readonly string[]>): Args[] {
  const next = new Map([...texts].map(([path]) => [path, 0]));
  const isLeft = () => [...texts].some(([path, all]) => (next.get(path) ?? 0) < all.length);
  const take = (path: string): string | undefined => {
    const all = texts.get(path);
    if (!all || all.length === 0) return undefined;
    const at = next.get(path) ?? 0;
    next.set(path, at + 1);
    return all[at % all.length];
  };
  const made: Args[] = [];
  while (isLeft()) made.push(filled(takes, '', take) as Args);
  return made;
}

function filled(schema: Schema, path: string, take: (path: string) => string | undefined): unknown {
  if (schema.type === 'object') {
    const all = Object.entries(schema.properties ?? {}).map(([key, inner]) => {
      const at = path ? `${path}.${key}` : key;
      const value = filled(inner, at, take);
      return [key, value ?? (schema.required?.includes(key) ? sample(inner) : undefined)] as const;
    });
    return Object.fromEntries(all.filter(([, value]) => value !== undefined));
  }
  if (schema.type === 'array') {
    const items = schema.items ?? {};
    const length = Math.min(schema.maxItems ?? 1, MOST_ITEMS);
    const values = Array.from({ length }, () => filled(items, `${path}[]`, take));
    return values.every((value) => value !== undefined) ? values : undefined;
  }
  return take(path);
}
