import { Lang, parse, type SgNode } from '@ast-grep/napi';

/** One small change to a source that a good test notices. Offsets are UTF-16 units of the file. */
export interface Mutant {
  path: string;
  line: number;
  start: number;
  end: number;
  to: string;
  /** What was, and what it became. */
  what: string;
}

const SWAPPED: Record<string, string> = {
  '===': '!==',
  '!==': '===',
  '==': '!=',
  '!=': '==',
  '<': '>=',
  '>': '<=',
  '<=': '>',
  '>=': '<',
  '&&': '||',
  '||': '&&',
  '+': '-',
  '-': '+',
  '*': '/',
};

/** What is gone when the program runs. */
const TYPES = new Set([
  'type_annotation',
  'type_alias_declaration',
  'interface_declaration',
  'type_arguments',
]);

/** Every mutant of the lines named, in the order of the file. */
export function mutantsOf(path: string, source: string, lines: ReadonlySet<number>): Mutant[] {
  const found: Mutant[] = [];
  const add = (node: SgNode, to: string) => {
    const { start, end } = node.range();
    const line = start.line + 1;
    if (!lines.has(line)) return;
    const what = `\`${node.text().slice(0, 40)}\` became \`${to.slice(0, 40)}\``;
    found.push({ path, line, start: start.index, end: end.index, to, what });
  };
  const visit = (node: SgNode): void => {
    const kind = String(node.kind());
    if (!node.isNamed() || TYPES.has(kind)) return;
    if (kind === 'binary_expression') {
      const operator = node.field('operator');
      const to = operator && SWAPPED[operator.text()];
      const isText = operator?.text() === '+' && /["'`]/.test(node.text());
      if (operator && to && !isText) add(operator, to);
    } else if (kind === 'true') add(node, 'false');
    else if (kind === 'false') add(node, 'true');
    else if (kind === 'number') add(node, node.text() === '0' ? '1' : '0');
    else if (kind === 'string' && node.text().length > 3 && isValue(node)) add(node, "''");
    else if (kind === 'return_statement' && node.children().some((child) => child.isNamed()))
      add(node, 'return undefined;');
    for (const child of node.children()) visit(child);
  };
  visit(parse(/x$/.test(path) ? Lang.Tsx : Lang.TypeScript, source).root());
  return found.toSorted((a, b) => a.start - b.start);
}

/** A text that is computed with: not a module's name, a type, a key or a directive. */
function isValue(node: SgNode): boolean {
  const parent = String(node.parent()?.kind() ?? '');
  return [
    'arguments',
    'return_statement',
    'variable_declarator',
    'pair',
    'assignment_expression',
    'ternary_expression',
  ].includes(parent);
}
