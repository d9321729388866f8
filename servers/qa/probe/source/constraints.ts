import { shapeOf, type Told } from '../wording.ts';
import { argumentsOf, isFunction, type Node, nameOf, nodesIn, textOf } from './ast.ts';

const SAME = /^(String|Number|parseInt|parseFloat|BigInt)$/;
const SAME_METHOD = /^(trim|toUpperCase|toLowerCase|toString|normalize)$/;
const IS_NUMBER = /^(isInteger|isSafeInteger|isFinite|isNaN)$/;
/** A comparison with at most this is a lower bound: "quantity < 1", "password.length < 8". */
const SMALL = 10;

/** The name of the field that an expression stands for, however it is trimmed or converted; undefined for any other. */
export type Refers = (node: Node | undefined) => string | undefined;

/** How a handler reads its fields: `direct` knows members of a body, `aliases` the variables that hold them. */
export function refersBy(direct: Refers, aliases: ReadonlyMap<string, string>): Refers {
  const refers: Refers = (node) => {
    if (!node) return undefined;
    const found = direct(node);
    if (found !== undefined) return found;
    switch (node.type) {
      case 'Identifier':
        return aliases.get(String(node.name));
      case 'ChainExpression':
        return refers(node.expression as Node);
      case 'LogicalExpression':
        return refers(node.left as Node);
      case 'UnaryExpression':
        return node.operator === '+' ? refers(node.argument as Node) : undefined;
      case 'CallExpression': {
        const callee = node.callee as Node;
        if (callee.type === 'Identifier')
          return SAME.test(String(callee.name)) ? refers(argumentsOf(node)[0]) : undefined;
        return SAME_METHOD.test(nameOf(callee) ?? '') ? refers(callee.object as Node) : undefined;
      }
      default:
        return undefined;
    }
  };
  return refers;
}

/** What code asks of each field: types, bounds, patterns and choices. `file` holds the constants that it names. */
export function constraintsIn(nodes: readonly Node[], file: Node, refers: Refers): Map<string, Told> {
  const found = new Map<string, Told>();
  const literals = new Map<string, string[]>();
  const nested = new Map<string, Record<string, unknown>>();
  const add = (name: string | undefined, told: Told) => {
    if (name !== undefined) found.set(name, { ...found.get(name), ...told });
  };
  for (const node of nodes) {
    if (node.type === 'BinaryExpression') {
      const [left, right] = [node.left as Node, node.right as Node];
      add(...typeTest(left, right, refers));
      add(...bound(String(node.operator), left, right, file, refers));
      const name = refers(left);
      const text = textOf(right);
      if (/^[!=]==?$/.test(String(node.operator)) && name !== undefined && text)
        literals.set(name, [...(literals.get(name) ?? []), text]);
      if (node.operator === 'in') add(refers(left), { options: keysOfConstant(right, file) });
    }
    if (node.type === 'CallExpression') add(...callTest(node, file, refers));
    if (node.type === 'MemberExpression') {
      const name = refers(node.object as Node);
      const key = nameOf(node);
      if (
        name !== undefined &&
        key !== undefined &&
        node.computed !== true &&
        !isBuiltIn(key) &&
        key !== 'length'
      )
        nested.set(name, { ...nested.get(name), [key]: sampleOf(key) });
    }
  }
  for (const [name, texts] of literals) {
    const different = [...new Set(texts)];
    if (different.length > 1) add(name, { options: different });
    else if (!found.get(name)?.options?.length) add(name, { examples: different });
  }
  for (const [name, example] of nested) {
    const known = found.get(name);
    if (known?.type === undefined || known.type === 'data') add(name, { type: 'data', examples: [example] });
  }
  for (const [name, told] of found)
    if (told.options && told.options.length > 0) found.set(name, { ...told, type: 'choice' });
  return found;
}

type Test = [string | undefined, Told];
const NOTHING: Test = [undefined, {}];

function typeTest(left: Node, right: Node, refers: Refers): Test {
  if (left.type !== 'UnaryExpression' || left.operator !== 'typeof') return NOTHING;
  const types: Record<string, Told> = {
    number: { type: 'number' },
    string: { type: 'text' },
    boolean: { type: 'boolean' },
  };
  return [refers(left.argument as Node), types[textOf(right) ?? ''] ?? {}];
}

function bound(operator: string, left: Node, right: Node, file: Node, refers: Refers): Test {
  const limit = numberOf(right, file);
  if (limit === undefined) return NOTHING;
  const isLength = nameOf(left) === 'length' && left.type === 'MemberExpression';
  const plain = left.type === 'ChainExpression' ? (left.expression as Node) : left;
  const ofLength = isLength || (plain.type === 'MemberExpression' && nameOf(plain) === 'length');
  const name = ofLength ? refers(plain.object as Node) : refers(left);
  if (name === undefined) return NOTHING;
  const low = (value: number): Test => [
    name,
    ofLength ? { minLength: value } : { type: 'number', minimum: value },
  ];
  const high = (value: number): Test => [
    name,
    ofLength ? { maxLength: value } : { type: 'number', maximum: value },
  ];
  if (/^[!=]==?$/.test(operator))
    return ofLength && limit > 0 ? [name, { minLength: limit, maxLength: limit }] : NOTHING;
  if (operator === '<') return limit <= SMALL ? low(limit) : high(limit - 1);
  if (operator === '>=') return limit <= SMALL ? low(limit) : high(limit - 1);
  if (operator === '>') return limit <= 1 ? low(limit + 1) : high(limit);
  return operator === '<=' ? (limit <= 1 ? low(limit + 1) : high(limit)) : NOTHING;
}

/** `/^x$/.test(code)`, `code.match(CODE)`, `PLANS.includes(plan)`, `Number.isInteger(n)`, `Array.isArray(items)`. */
function callTest(call: Node, file: Node, refers: Refers): Test {
  const callee = call.callee as Node | null;
  if (callee?.type !== 'MemberExpression') return NOTHING;
  const [first] = argumentsOf(call);
  const object = callee.object as Node;
  const name = refers(first);
  switch (nameOf(callee)) {
    case 'test':
    case 'exec': {
      const pattern = patternOf(object, file);
      return pattern === undefined ? NOTHING : [name, { type: 'text', pattern }];
    }
    case 'match': {
      const pattern = first && patternOf(first, file);
      return pattern === undefined ? NOTHING : [refers(object), { type: 'text', pattern }];
    }
    case 'includes':
    case 'has':
    case 'hasOwn': {
      const isOwn = nameOf(callee) === 'hasOwn';
      const options = isOwn ? keysOfConstant(first, file) : valuesOf(object, file);
      return options.length === 0 ? NOTHING : [isOwn ? refers(argumentsOf(call)[1]) : name, { options }];
    }
    case 'startsWith': {
      const prefix = textOf(first);
      return prefix
        ? [refers(object), { examples: [`${prefix}1`], pattern: `^${shapeOf(prefix).slice(1, -1)}` }]
        : NOTHING;
    }
    case 'isArray':
      return [name, { type: 'data', examples: [[elementOf(file, refers, name)]] }];
    default:
      return IS_NUMBER.test(nameOf(callee) ?? '') ? [name, { type: 'number' }] : NOTHING;
  }
}

/** What one element of a list looks like, by what is read of it in a loop over it or a callback. */
function elementOf(file: Node, refers: Refers, name: string | undefined): unknown {
  for (const node of nodesIn(file)) {
    const loops = node.type === 'ForOfStatement' && refers(node.right as Node) === name;
    const callee = node.callee as Node | undefined;
    const isMethod = node.type === 'CallExpression' && callee?.type === 'MemberExpression';
    const calls = isMethod && name !== undefined && refers(callee.object as Node) === name;
    if (name === undefined || (!loops && !calls)) continue;
    const callback = argumentsOf(node).find(isFunction);
    const param = loops
      ? (((node.left as Node).declarations as Node[] | undefined)?.[0]?.id as Node | undefined)
      : (callback?.params as Node[] | undefined)?.[0];
    const keys = param ? keysRead(param, loops ? node : (callback as Node)) : [];
    if (keys.length > 0) return Object.fromEntries(keys.map((key) => [key, sampleOf(key)]));
  }
  return /ids?$/i.test(name ?? '') ? 1 : 'word';
}

function keysRead(param: Node, scope: Node): string[] {
  if (param.type === 'ObjectPattern')
    return (param.properties as Node[]).flatMap(({ key }) => nameOf(key) ?? []);
  const read = nodesIn(scope).filter(
    ({ type, object }) =>
      type === 'MemberExpression' &&
      (object as Node).type === 'Identifier' &&
      nameOf(object) === nameOf(param),
  );
  return [...new Set(read.flatMap((one) => nameOf(one) ?? []))].filter((key) => !isBuiltIn(key));
}

/** What every text or list has by itself. */
const isBuiltIn = (key: string): boolean => key in String.prototype || key in Array.prototype;

const sampleOf = (key: string): unknown => {
  if (/amount|quantity|qty|price|count|number|size|cents|seats|id$/i.test(key)) return 1;
  return /e-?mail/i.test(key) ? 'someone@example.com' : 'word';
};

/** What a name stands for at the top of the file. */
function constantOf(node: Node | undefined, file: Node): Node | undefined {
  if (node?.type !== 'Identifier') return node;
  const declared = nodesIn(file).find(
    (one) => one.type === 'VariableDeclarator' && nameOf(one.id) === node.name,
  );
  return (declared?.init as Node | undefined) ?? undefined;
}

function numberOf(node: Node, file: Node): number | undefined {
  const constant = constantOf(node, file);
  if (!constant) return undefined;
  const { value, type, operator, argument } = constant;
  if (type === 'UnaryExpression' && operator === '-') return -Number((argument as Node).value);
  return typeof value === 'number' ? value : undefined;
}

function patternOf(node: Node, file: Node): string | undefined {
  const constant = constantOf(node, file);
  if (constant?.type === 'NewExpression' && nameOf(constant.callee) === 'RegExp')
    return textOf(argumentsOf(constant)[0]);
  return (constant?.regex as { pattern: string } | undefined)?.pattern;
}

/** The literals of a list or of a set of one. */
function valuesOf(node: Node, file: Node): unknown[] {
  const constant = constantOf(node, file);
  if (constant?.type === 'NewExpression')
    return valuesOf(argumentsOf(constant)[0] ?? (constant.callee as Node), file);
  if (constant?.type === 'CallExpression' && nameOf(constant.callee) === 'keys')
    return keysOfConstant(argumentsOf(constant)[0], file);
  if (constant?.type !== 'ArrayExpression') return [];
  return (constant.elements as (Node | null)[]).flatMap((one) =>
    one?.type === 'Literal' ? [one.value] : [],
  );
}

const keysOfConstant = (node: Node | undefined, file: Node): string[] =>
  ((constantOf(node, file)?.properties as Node[] | undefined) ?? []).flatMap(
    ({ key }) => nameOf(key) ?? textOf(key) ?? [],
  );
