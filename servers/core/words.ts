import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { PACKAGE_ROOT } from './version.ts';

const roleName = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/);
const artifacts = z.array(z.string().regex(/^[a-z][a-z0-9-]{0,39}$/));

const promptHead = z.strictObject({
  role: roleName,
  description: z.string().startsWith('Use when ').max(200),
  reads: artifacts,
  produces: artifacts,
});
const soulHead = z.strictObject({ role: roleName, creed: z.string().min(1).max(120) });

/** The words of one role, as its agent reads them. */
export interface RoleWords {
  /** How the role works: `prompts/<role>.md` without its frontmatter. */
  readonly prompt: string;
  /** What the role holds to: `souls/<role>.md` without its frontmatter. */
  readonly soul: string;
  /** When to use the role; at most 200 characters. */
  readonly description: string;
  readonly creed: string;
  /** Artifacts that the shipped pipelines give to the role by its own name. */
  readonly reads: readonly string[];
  /** Artifacts that it must leave there. */
  readonly produces: readonly string[];
}

/**
 * The prompt and the soul of a role.
 *
 * `root` is the folder that holds `prompts/` and `souls/`: this package unless told otherwise. Throws an Error of
 * one sentence when a file is missing, has a frontmatter that says too much or too little, or is another role's.
 */
export function readRole(role: string, root?: string): RoleWords {
  if (root !== undefined) return readFrom(root, role);
  const words = shipped.get(role) ?? readFrom(PACKAGE_ROOT, role);
  shipped.set(role, words);
  return words;
}

/** This package's own words, which do not change while it runs. */
const shipped = new Map<string, RoleWords>();

/** The bounds of a prompt and a soul (900 and 450 tokens) at four bytes a token. */
export const MOST_BYTES = { prompt: 3_600, soul: 1_800 };

/**
 * The words that a factory's own files (`prompts/<role>.md`, `souls/<role>.md`, by path) give to a role, each part
 * that they leave out being the shipped one; undefined when they give none. Throws as `readRole` does, and for a part
 * that is larger than `MOST_BYTES` or holds characters that nobody sees.
 */
export function ownWords(role: string, files: Readonly<Record<string, string>>): RoleWords | undefined {
  const own = wordsPaths(role).filter((path) => files[path] !== undefined);
  if (own.length === 0) return undefined;
  for (const path of own) refuseText(path, files[path] ?? '');
  return wordsOf(role, (path) => files[path] ?? textIn(PACKAGE_ROOT, path));
}

/** The paths of a role's words, below the folder of the package or of a factory. */
export const wordsPaths = (role: string): readonly [prompt: string, soul: string] => [
  `prompts/${role}.md`,
  `souls/${role}.md`,
];

function refuseText(path: string, text: string): void {
  const most = MOST_BYTES[path.startsWith('souls/') ? 'soul' : 'prompt'];
  if (Buffer.byteLength(text) > most) throw new Error(`${path} has more than ${most} bytes.`);
  if (hasUnseen(text)) throw new Error(`${path} holds characters that nobody sees.`);
}

/** Whether a text holds control or format characters other than line ends and tabs. */
export const hasUnseen = (text: string): boolean => /[^\P{C}\n\t]/u.test(text);

const textIn = (root: string, path: string) =>
  existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined;

const readFrom = (root: string, role: string) => wordsOf(role, (path) => textIn(root, path));

function wordsOf(role: string, textAt: (path: string) => string | undefined): RoleWords {
  if (!roleName.safeParse(role).success)
    throw new Error(`"${role.slice(0, 40)}" cannot be the name of a role.`);
  const [promptPath, soulPath] = wordsPaths(role);
  const prompt = wordsAt(promptPath, textAt(promptPath), role, promptHead);
  const soul = wordsAt(soulPath, textAt(soulPath), role, soulHead);
  return {
    prompt: prompt.body,
    soul: soul.body,
    description: prompt.head.description,
    creed: soul.head.creed,
    reads: prompt.head.reads,
    produces: prompt.head.produces,
  };
}

function wordsAt<T extends { role: string }>(
  path: string,
  text: string | undefined,
  role: string,
  schema: z.ZodType<T>,
): { head: T; body: string } {
  if (text === undefined) throw new Error(`The role ${role} has no words: ${path} is missing.`);
  const words = split(path, text, schema);
  if (words.head.role !== role) throw new Error(`${path} says that it is for the role ${words.head.role}.`);
  return words;
}

/** A whole prompt or soul, as its file holds it. */
export interface WordsFile {
  readonly part: 'prompt' | 'soul';
  readonly role: string;
  /** Without the frontmatter. */
  readonly body: string;
  readonly reads: readonly string[];
  readonly produces: readonly string[];
}

/** Reads the text of a prompt or soul by the rules of `readRole`; a creed makes it a soul. Throws as that does. */
export function parseWords(text: string): WordsFile {
  if (/^creed:/m.test(/^---\n(.*?)\n---\n/s.exec(text)?.[1] ?? '')) {
    const { head, body } = split('the soul', text, soulHead);
    return { part: 'soul', role: head.role, body, reads: [], produces: [] };
  }
  const { head, body } = split('the prompt', text, promptHead);
  return { part: 'prompt', role: head.role, body, reads: head.reads, produces: head.produces };
}

function split<T>(file: string, text: string, schema: z.ZodType<T>): { head: T; body: string } {
  const [, head, body] = /^---\n(.*?)\n---\n(.*)$/s.exec(text) ?? [];
  if (head === undefined || body === undefined)
    throw new Error(`${file} does not begin with frontmatter between two lines of "---".`);
  const parsed = schema.safeParse(parseHead(file, head));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(
      `${file}: ${issue?.path.join('.') || 'frontmatter'}: ${issue?.message ?? 'not understood'}.`,
    );
  }
  return { head: parsed.data, body: body.trim() };
}

function parseHead(file: string, head: string): unknown {
  try {
    return parse(head);
  } catch (error) {
    const [firstLine] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new Error(`${file}: ${firstLine}`, { cause: error });
  }
}
