import { dirname, join } from 'node:path';

/** One top-level declaration of a source file, or what stands before the first one. */
export interface Piece {
  readonly file: string;
  /** Empty for what stands before the first declaration. */
  readonly name: string;
  /** Without comments; line ends are kept. */
  readonly code: string;
  /** Where it begins, counted from 1. */
  readonly line: number;
  /** The pieces whose names it uses, of its own file or of those it imports. */
  readonly uses: readonly { readonly file: string; readonly name: string }[];
}

const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const DECLARATION =
  /^(?:export )?(?:default )?(?:async )?(?:function\*?|const|let|class) ([A-Za-z_$][\w$]*)|^export default /gm;
const IMPORT = /^import (?:type )?(\w+)?,? ?(?:\{([^}]*)\} )?from '(\.[^']+\.ts)';/gm;

/** Cuts files (by path) into their top-level declarations, as this house's formatter writes them. */
export function piecesOf(files: ReadonlyMap<string, string>): Piece[] {
  return [...files].flatMap(([file, source]) => {
    const text = source.replace(COMMENT, (comment) => comment.replace(/[^\n]/g, ''));
    const imported = importsOf(file, text);
    const found = [...text.matchAll(DECLARATION)].map((match) => ({
      name: match[1] ?? 'default',
      start: match.index,
    }));
    const own = new Map(found.map(({ name }) => [name, { file, name }]));
    return [{ name: '', start: 0 }, ...found].map(({ name, start }, at) => {
      const code = text.slice(start, found[at]?.start ?? text.length);
      const words = at === 0 ? [] : new Set(code.match(/[A-Za-z_$][\w$]*/g));
      const uses = [...words].flatMap((word) => imported.get(word) ?? own.get(word) ?? []);
      return { file, name, code, line: text.slice(0, start).split('\n').length, uses };
    });
  });
}

/** The names that a file imports from others of the same tree, and where they are declared. */
function importsOf(file: string, text: string): Map<string, { file: string; name: string }> {
  const names = new Map<string, { file: string; name: string }>();
  for (const [, whole, list = '', path = ''] of text.matchAll(IMPORT)) {
    const from = join(dirname(file), path);
    if (whole) names.set(whole, { file: from, name: 'default' });
    for (const item of list.split(',').map((part) => part.trim().replace(/^type /, ''))) {
      const [name = '', alias = name] = item.split(' as ');
      if (name) names.set(alias, { file: from, name });
    }
  }
  return names;
}

/** For each piece that the code of a tool leads to, the names of those tools. */
export function reachedByTools(pieces: readonly Piece[]): Map<Piece, Set<string>> {
  const byKey = new Map(pieces.map((piece) => [`${piece.file} ${piece.name}`, piece]));
  const reached = new Map<Piece, Set<string>>();
  for (const start of pieces) {
    const tool = /\/tools\/([a-z_]+)\.ts$/.exec(start.file)?.[1];
    if (tool === undefined || start.name !== 'default') continue;
    const open = [start];
    for (let piece = open.pop(); piece; piece = open.pop()) {
      const tools = reached.get(piece) ?? new Set();
      if (tools.has(tool)) continue;
      reached.set(piece, tools.add(tool));
      open.push(...piece.uses.flatMap(({ file, name }) => byKey.get(`${file} ${name}`) ?? []));
    }
  }
  return reached;
}
