import { stripTypeScriptTypes } from 'node:module';
import { type Node as AcornNode, parse } from 'acorn';

/** A node of the syntax tree as one looks at it here: its type, its place, and whatever it holds. */
export type Node = AcornNode & Record<string, unknown>;

/** The syntax tree of a JavaScript or TypeScript file; undefined when it can't be read, because it holds JSX for example. */
export function parseSource(text: string, isTypeScript: boolean): { tree: Node; text: string } | undefined {
  for (const sourceType of ['module', 'script'] as const) {
    try {
      const plain = isTypeScript ? stripTypeScriptTypes(text, { mode: 'strip' }) : text;
      const tree = parse(plain, {
        ecmaVersion: 'latest',
        sourceType,
        allowHashBang: true,
        allowReturnOutsideFunction: true,
        allowAwaitOutsideFunction: true,
      });
      return { tree: tree as unknown as Node, text: plain };
    } catch {
      // The next way of reading it, or none.
    }
  }
  return undefined;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

/** The nodes directly in a node, in the order of the text. */
const childrenOf = (node: Node): Node[] => Object.values(node).flat().filter(isNode);

/** A node and all below it, each with the nodes above it, nearest first. */
export function* descend(
  node: Node,
  above: readonly Node[] = [],
): Generator<{ node: Node; above: readonly Node[] }> {
  yield { node, above };
  const nearer = [node, ...above];
  for (const child of childrenOf(node)) yield* descend(child, nearer);
}

const whole = new WeakMap<Node, Node[]>();

/** A node and all below it; a whole file is walked once. */
export function nodesIn(node: Node): Node[] {
  const known = whole.get(node);
  if (known) return known;
  const nodes: Node[] = [];
  const collect = (one: Node) => {
    nodes.push(one);
    childrenOf(one).forEach(collect);
  };
  collect(node);
  if (node.type === 'Program') whole.set(node, nodes);
  return nodes;
}

/** The value of a string literal or of a template without expressions. */
export function textOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined;
  const quasis = node.quasis as { value: { cooked: string } }[] | undefined;
  return node.type === 'TemplateLiteral' && quasis?.length === 1 ? quasis[0]?.value.cooked : undefined;
}

/** The name of an identifier, or of the last property of a chain such as `c.req.json`. */
export function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Identifier') return String(node.name);
  if (node.type === 'MemberExpression') return node.computed ? textOf(node.property) : nameOf(node.property);
  return node.type === 'CallExpression' ? nameOf(node.callee) : undefined;
}

export const argumentsOf = (call: Node): Node[] => (call.arguments as Node[] | undefined) ?? [];

export const isFunction = ({ type }: Node): boolean =>
  type === 'ArrowFunctionExpression' || type === 'FunctionExpression' || type === 'FunctionDeclaration';
