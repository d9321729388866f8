import { Lang, parse, type SgNode } from '@ast-grep/napi';
import { PATTERNS } from './rules.ts';

/** A place in a source that a rule names as dangerous. */
export interface PatternFound {
  rule: string;
  path: string;
  line: number;
  text: string;
}

const LANGUAGES: readonly (readonly [RegExp, Lang])[] = [
  [/\.[cm]?ts$/, Lang.TypeScript],
  [/\.tsx$/, Lang.Tsx],
  [/\.(?:[cm]?js|jsx)$/, Lang.JavaScript],
];

/** What the rules find in one source; a line that carries `qa-allow: RULE` with a reason is left out. */
export function patternsIn(path: string, source: string): PatternFound[] {
  const language = LANGUAGES.find(([ending]) => ending.test(path))?.[1];
  if (language === undefined || source === '') return [];
  const root = parse(language, source).root();
  const lines = source.split('\n');
  return PATTERNS.flatMap(({ id, rule }) =>
    root.findAll({ rule }).flatMap((node) => {
      if (id === 'sql-text' && isListed(node)) return [];
      const line = node.range().start.line + 1;
      return { rule: id, path, line, text: node.text().split('\n')[0]?.slice(0, 160) ?? '' };
    }),
  ).filter(
    ({ rule, line }) =>
      !new RegExp(`qa-allow: ${rule}\\b.{3,}`).test(`${lines[line - 2] ?? ''}\n${lines[line - 1] ?? ''}`),
  );
}

const FUNCTIONS = /^(?:function_declaration|function_expression|arrow_function|method_definition)$/;
const NAME = /^[A-Za-z_$][\w$]*$/;

/** Whether everything that stands between the texts is a name that the same function looked up in a list before. */
function isListed(call: SgNode): boolean {
  const holes = call
    .findAll({ rule: { kind: 'template_substitution' } })
    .map((hole) => hole.text().slice(2, -1).trim());
  const within = call.ancestors().find((node) => FUNCTIONS.test(String(node.kind())));
  const isJoined = call.find({ rule: { kind: 'binary_expression' } }) !== null;
  if (!within || isJoined || holes.length === 0 || !holes.every((hole) => NAME.test(hole))) return false;
  const before = within.text().slice(0, call.range().start.index - within.range().start.index);
  return holes.every((hole) => {
    const name = hole.replaceAll('$', '\\$');
    const asked = `!\\s*(?:[\\w$.\\]\\['", ]+\\.(?:includes|has)\\(\\s*${name}\\s*\\)|Object\\.hasOwn\\([\\w$.]+,\\s*${name}\\s*\\))`;
    return new RegExp(`if\\s*\\(\\s*${asked}\\s*\\)\\s*\\{?\\s*(?:throw|return)\\b`).test(before);
  });
}
