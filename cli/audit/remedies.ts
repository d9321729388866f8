import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { piecesOf, reachedByTools } from './reach.ts';

/** A sentence of the sources that an agent may read, the tools it names, and the tools whose calls can bring it. */
export interface Sentence {
  /** File and line, below the package. */
  readonly at: string;
  readonly text: string;
  readonly names: readonly string[];
  /** An over-estimate: the tools whose code leads to the declaration that holds the sentence. */
  readonly from: readonly string[];
}

/** Words by which a sentence speaks of what somebody else does; the caller need not have the tools that it names. */
const OF_OTHERS = /^Have |\banother (?:agent|role)\b|\bthe role that may\b|\bwhere you have\b/;
const LITERAL = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;

/**
 * Every sentence in the servers' sources that tells its reader to call a tool: descriptions, remedies, hints in
 * answers. Undefined where there are no sources, as in an installed package.
 */
export function sentencesOf(root: string, tools: ReadonlySet<string>): Sentence[] | undefined {
  const servers = join(root, 'servers');
  if (!existsSync(servers)) return undefined;
  const files = new Map(
    readdirSync(servers, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => [join(servers, file), readFileSync(join(servers, file), 'utf8')]),
  );
  const pieces = piecesOf(files);
  const reached = reachedByTools(pieces);
  return pieces.flatMap((piece) =>
    literalsOf(piece.code).flatMap(({ text, line }) => {
      const names = namedTools(text).filter((name) => tools.has(name));
      const from = [...(reached.get(piece) ?? [])];
      if (names.length === 0 || from.length === 0 || OF_OTHERS.test(text)) return [];
      return [{ at: `${piece.file.slice(root.length + 1)}:${piece.line + line - 1}`, text, names, from }];
    }),
  );
}

/** The words of a text that could be the names of tools. */
export const namedTools = (text: string): string[] => [
  ...new Set(text.match(/\b[a-z]+(?:_[a-z]+)+\b/g) ?? []),
];

/** The literals of a piece of source that are sentences, without their quotes. */
function literalsOf(code: string): { text: string; line: number }[] {
  return [...code.matchAll(LITERAL)]
    .map((match) => ({
      text: match[0].slice(1, -1),
      line: code.slice(0, match.index).split('\n').length,
    }))
    .filter(({ text }) => text.includes(' '));
}
