import { Lang, parse } from '@ast-grep/napi';
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
    root.findAll({ rule }).map((node) => {
      const line = node.range().start.line + 1;
      return { rule: id, path, line, text: node.text().split('\n')[0]?.slice(0, 160) ?? '' };
    }),
  ).filter(
    ({ rule, line }) =>
      !new RegExp(`qa-allow: ${rule}\\b.{3,}`).test(`${lines[line - 2] ?? ''}\n${lines[line - 1] ?? ''}`),
  );
}
