import type { Field, Input } from '../types.ts';
import { argumentsOf, descend, isFunction, type Node, nameOf, nodesIn, textOf } from './ast.ts';

const READS_BODY = /json|body|form|payload/i;
const QUERY_CALL = /^(query|get|searchParam|getQuery)$/;
const NUMBERS =
  /amount|quantity|qty|price|count|^age$|limit|^page|points|credits|seats|rating|stars|size|offset/i;
const BOOLEANS = /^(is|has)[A-Z_]|consent|agree|accepted|completed|^done$|enabled/i;
const CODES = /code|coupon|voucher|promo|gift|token/i;

/** What a handler reads of a request, as far as its text says. */
export interface Reads {
  encoding: Input['encoding'];
  fields: Field[];
  headers: string[];
}

/** Finds what the code of a handler reads: properties of a parsed body, parameters of the query, a zod schema's keys. */
export function readsOf(handler: Node, file: Node, codes: readonly string[]): Reads {
  const nodes = nodesIn(handler);
  const names = new Map<string, Field['place']>();
  const types = new Map<string, Field['type']>();
  const bodies = new Set<string>();
  let isForm = false;

  for (const { type, id, init } of nodes) {
    if (type !== 'VariableDeclarator' || !init || !readsBody(init as Node)) continue;
    isForm ||= nodesIn(init as Node).some((one) => /^(parseBody|formData)$/.test(nameOf(one) ?? ''));
    const pattern = id as Node;
    if (pattern.type === 'Identifier') bodies.add(String(pattern.name));
    for (const name of keysOf(pattern)) names.set(name, 'body');
  }
  for (const node of nodes) {
    const object = node.object as Node | undefined;
    if (node.type === 'MemberExpression' && !node.computed && object) {
      const isBody =
        (object.type === 'Identifier' && bodies.has(String(object.name))) ||
        (object.type === 'MemberExpression' && nameOf(object) === 'body');
      if (isBody && !/^(get|has|then|length|toString|map|trim)$/.test(nameOf(node) ?? ''))
        names.set(nameOf(node) ?? '', 'body');
      if (object.type === 'MemberExpression' && nameOf(object) === 'query')
        names.set(nameOf(node) ?? '', 'query');
    }
    if (node.type === 'VariableDeclarator' && bodies.has(nameOf(node.init) ?? ''))
      for (const name of keysOf(node.id as Node)) names.set(name, 'body');
    if (node.type === 'CallExpression' && node.callee) {
      const [first] = argumentsOf(node);
      const text = textOf(first);
      const callee = node.callee as Node;
      const on = callee.type === 'MemberExpression' ? nameOf(callee.object) : undefined;
      if (text === undefined || !QUERY_CALL.test(nameOf(callee) ?? '') || !/^[\w-]{1,40}$/.test(text))
        continue;
      if (on !== undefined && bodies.has(on)) names.set(text, 'body');
      else if (/searchParams|params|req$|url/i.test(on ?? '')) names.set(text, 'query');
    }
  }
  for (const [name, type] of schemaKeys(handler, file)) {
    if (!names.has(name)) names.set(name, 'body');
    types.set(name, type);
  }
  const fields = [...names]
    .filter(([name]) => name !== '')
    .map(([name, place]) => field(name, place, types.get(name), codes));
  const hasBody = fields.some(({ place }) => place === 'body') || bodies.size > 0;
  const mentionsKey = nodes.some((node) => /^idempotency-key$/i.test(textOf(node) ?? ''));
  return {
    encoding: hasBody ? (isForm ? 'form' : 'json') : 'none',
    fields,
    headers: mentionsKey ? ['idempotency-key'] : [],
  };
}

/** Whether an expression gives the body of a request: by a call that says so, or as `req.body`. */
function readsBody(init: Node): boolean {
  const plain = init.type === 'AwaitExpression' ? (init.argument as Node) : init;
  if (nodesIn(plain).some(isFunction) && plain.type !== 'CallExpression') return false;
  if (plain.type === 'MemberExpression') return nameOf(plain) === 'body';
  if (plain.type === 'LogicalExpression') return readsBody(plain.left as Node);
  if (plain.type !== 'CallExpression') return false;
  const callee = plain.callee as Node;
  if (callee.type === 'MemberExpression' && nameOf(callee) === 'parse')
    return nameOf(callee.object) === 'JSON' || argumentsOf(plain).some(readsBody);
  if (callee.type === 'MemberExpression' && /^(catch|then|valid|safeParse)$/.test(nameOf(callee) ?? ''))
    return (
      nameOf(callee) === 'valid' || readsBody(callee.object as Node) || argumentsOf(plain).some(readsBody)
    );
  return READS_BODY.test(nameOf(callee) ?? '') && nameOf(callee) !== 'stringify';
}

const keysOf = (pattern: Node): string[] =>
  pattern.type === 'ObjectPattern'
    ? (pattern.properties as Node[]).flatMap(({ key }) => nameOf(key) ?? textOf(key) ?? [])
    : [];

const schemas = new WeakMap<Node, { node: Node; above: readonly Node[] }[]>();

/** The calls of `z.object` and alike in a file. */
function schemasIn(file: Node): { node: Node; above: readonly Node[] }[] {
  const known = schemas.get(file);
  if (known) return known;
  const found = [...descend(file)].filter(
    ({ node }) => node.type === 'CallExpression' && /^(object|strictObject)$/.test(nameOf(node.callee) ?? ''),
  );
  schemas.set(file, found);
  return found;
}

/** The keys of the zod objects that the handler names, with the type that their first call says. */
function schemaKeys(handler: Node, file: Node): [string, Field['type']][] {
  const named = new Set(
    nodesIn(handler)
      .filter(({ type }) => type === 'Identifier')
      .map(({ name }) => name),
  );
  const own = schemasIn(file).filter(({ above }) =>
    above.some((one) => one === handler || (one.type === 'VariableDeclarator' && named.has(nameOf(one.id)))),
  );
  return own.flatMap(({ node }) =>
    argumentsOf(node).flatMap((shape) =>
      ((shape.properties as Node[] | undefined) ?? []).flatMap(
        ({ key, value }): [string, Field['type']][] => {
          const name = nameOf(key) ?? textOf(key);
          return name === undefined ? [] : [[name, zodType(value as Node)]];
        },
      ),
    ),
  );
}

function zodType(value: Node): Field['type'] {
  const calls = nodesIn(value).map((node) =>
    node.type === 'CallExpression' ? nameOf(node.callee) : undefined,
  );
  if (calls.includes('number') || calls.includes('int')) return 'number';
  if (calls.includes('boolean')) return 'boolean';
  if (calls.includes('email')) return 'email';
  return calls.includes('url') ? 'url' : 'text';
}

function field(
  name: string,
  place: Field['place'],
  type: Field['type'] | undefined,
  codes: readonly string[],
): Field {
  return {
    name,
    place,
    type: type ?? typeByName(name),
    required: place === 'body',
    minLength: 0,
    maxLength: undefined,
    minimum: undefined,
    maximum: undefined,
    options: [],
    examples: CODES.test(name) ? codes.slice(0, 8) : [],
  };
}

function typeByName(name: string): Field['type'] {
  if (/e-?mail/i.test(name)) return 'email';
  if (/pass(word|phrase)?$/i.test(name)) return 'password';
  if (/ur[il]$|^(url|uri|href|link|webhook|callback)/i.test(name)) return 'url';
  if (NUMBERS.test(name)) return 'number';
  return BOOLEANS.test(name) ? 'boolean' : 'text';
}
