import { argumentsOf, isFunction, type Node, nameOf, nodesIn } from './ast.ts';

const DEPTH = 2;
/** A function longer than this is no helper. */
const MOST_CHARS = 6_000;

/** The code that runs when a handler does. */
export interface Reach {
  nodes: Node[];
  /** For each parameter of a called function the name of the variable that it is given. */
  passed: [string, string][];
}

const functions = new WeakMap<Node, Map<string, Node>>();

/** The functions of a file that have a name. */
export function functionsIn(file: Node): ReadonlyMap<string, Node> {
  const known = functions.get(file);
  if (known) return known;
  const found = new Map<string, Node>();
  for (const node of nodesIn(file)) {
    const value = node.type === 'VariableDeclarator' ? (node.init as Node | null) : node;
    const name = nameOf(node.id);
    if (name !== undefined && value && isFunction(value)) found.set(name, value);
  }
  functions.set(file, found);
  return found;
}

/** A handler's nodes and those of the functions of the same file that it calls, two calls deep. */
export function reachable(handler: Node, file: Node): Reach {
  const known = functionsIn(file);
  const nodes = [...nodesIn(handler)];
  const passed: [string, string][] = [];
  const seen = new Set<Node>();
  const holds = (one: Node) => one.start <= handler.start && one.end >= handler.end;
  let front = nodes;
  for (let depth = 0; depth < DEPTH; depth += 1) {
    const next: Node[] = [];
    for (const call of front) {
      if (call.type !== 'CallExpression' || (call.callee as Node)?.type !== 'Identifier') continue;
      const called = known.get(nameOf(call.callee) ?? '');
      if (!called || holds(called) || called.end - called.start > MOST_CHARS) continue;
      for (const [index, param] of ((called.params as Node[]) ?? []).entries()) {
        const given = argumentsOf(call)[index];
        if (param.type === 'Identifier' && given?.type === 'Identifier')
          passed.push([String(param.name), String(given.name)]);
      }
      if (seen.has(called)) continue;
      seen.add(called);
      next.push(...nodesIn(called));
    }
    nodes.push(...next);
    front = next;
  }
  return { nodes, passed };
}

/** Variables that are declared or assigned before a handler which is a part of a larger function, and that it may use. */
export function before(handler: Node, file: Node): Node[] {
  const around = nodesIn(file)
    .filter((one) => isFunction(one) && one.start < handler.start && one.end >= handler.end)
    .at(-1);
  if (!around || isFunction(handler)) return [];
  const inner = nodesIn(around).filter((one) => one !== around && isFunction(one));
  return nodesIn(around).filter(
    (one) =>
      (one.type === 'VariableDeclarator' || (one.type === 'AssignmentExpression' && one.operator === '=')) &&
      one.end < handler.start &&
      !inner.some(({ start, end }) => start <= one.start && end >= one.end),
  );
}

const readers = new WeakMap<Node, Map<string, boolean>>();

/** The functions of a file that read and parse a body, by name; true for those that read a form. */
export function readersIn(file: Node): ReadonlyMap<string, boolean> {
  const known = readers.get(file);
  if (known) return known;
  const found = new Map<string, boolean>();
  for (const [name, node] of functionsIn(file)) {
    if (node.end - node.start > MOST_CHARS / 4) continue;
    const calls = nodesIn(node).filter(({ type }) => type === 'CallExpression' || type === 'NewExpression');
    const isOf = (pattern: RegExp) => calls.some((call) => pattern.test(nameOf(call.callee) ?? ''));
    const isJson = calls.some(
      ({ callee }) => nameOf(callee) === 'parse' && nameOf((callee as Node).object) === 'JSON',
    );
    const takesRequest = ((node.params as Node[]) ?? []).some((param) =>
      /^(req|request|c|ctx|context|incoming|message)$/i.test(nameOf(param) ?? ''),
    );
    const isShort = !isOf(/^(json|text|html|end|writeHead|send|get|post|prepare)$/) || isJson;
    if (takesRequest && isShort && (isJson || isOf(/^(formData|parseBody|URLSearchParams)$/)))
      found.set(name, !isJson);
  }
  readers.set(file, found);
  return found;
}
