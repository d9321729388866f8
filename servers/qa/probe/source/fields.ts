import { isSessionName } from '../attacks/cookie.ts';
import { expression } from '../pattern.ts';
import type { Field, Input } from '../types.ts';
import type { Told } from '../wording.ts';
import { argumentsOf, descend, isFunction, type Node, nameOf, nodesIn, textOf } from './ast.ts';
import { constraintsIn, refersBy } from './constraints.ts';
import { openCookieIn } from './cookies.ts';
import { before, reachable, readersIn } from './reach.ts';
import { ofSchema } from './schema.ts';

const READS_BODY = /json|body|form|payload/i;
const OWN_METHODS = /^(get|has|then|length|toString|map|trim)$/;
const QUERY_CALL = /^(query|get|searchParam|getQuery)$/;
const NUMBERS =
  /amount|quantity|qty|price|count|^age$|limit|^page|points|credits|seats|rating|stars|size|offset/i;
const BOOLEANS = /^(is|has)[A-Z_]|consent|agree|accepted|completed|^done$|enabled/i;
const SECRETS = /pass|secret|\bpin|word$|^key$|token|code/i;
const CODES = /code|coupon|voucher|promo|gift|token/i;

/** Values that somebody may have to know: those that the source names, and those of the product's settings. */
export interface Codes {
  typed: readonly string[];
  settings: readonly string[];
}

/** What a handler reads of a request, as far as its text says. */
export interface Reads {
  encoding: Input['encoding'];
  fields: Field[];
  headers: string[];
  /** A session's cookie that it sends without HttpOnly. */
  openCookie?: string;
}

/**
 * Finds what the code of a handler and of the functions it calls reads: properties of a parsed body, parameters of
 * the query, a zod schema's keys; and what it asks of each.
 */
export function readsOf(handler: Node, file: Node, codes: Codes): Reads {
  const { nodes, passed } = reachable(handler, file);
  const readers = readersIn(file);
  const names = new Map<string, Field['place']>();
  const types = new Map<string, Told>();
  const aliases = new Map<string, string>();
  const bodies = new Set<string>();
  const queries = new Set<string>();
  let isForm = false;

  const take = (pattern: Node, place: Field['place']) => {
    if (pattern.type === 'Identifier') (place === 'body' ? bodies : queries).add(String(pattern.name));
    for (const [name, alias] of boundBy(pattern)) {
      names.set(name, place);
      aliases.set(alias, name);
    }
  };
  const used = new Set(nodes.flatMap((node) => (node.type === 'Identifier' ? [String(node.name)] : [])));
  const isUsed = ({ id }: Node) =>
    (id as Node).type !== 'ObjectPattern' || boundBy(id as Node).some(([, alias]) => used.has(alias));
  const declared = [...before(handler, file).map(assigned).filter(isUsed), ...nodes.map(assigned)];
  for (const { type, id, init } of declared) {
    if (type !== 'VariableDeclarator' || !init) continue;
    if (readsBody(init as Node, readers) || heldIn(init as Node).some((name) => bodies.has(name))) {
      isForm ||= readsForm(init as Node, readers);
      take(id as Node, 'body');
    } else if (isQuery(init as Node)) take(id as Node, 'query');
  }
  for (const [name, given] of passed)
    if (bodies.has(given) || /^(body|payload)$/.test(given)) bodies.add(name);

  const called = new Set(
    nodes.flatMap(({ type, callee }) => (type === 'CallExpression' && callee ? [callee] : [])),
  );
  const direct = (node: Node): string | undefined => {
    if (node.type === 'MemberExpression' && !called.has(node)) {
      const object = node.object as Node;
      const isBody =
        (object.type === 'Identifier' &&
          (bodies.has(String(object.name)) || queries.has(String(object.name)))) ||
        (object.type === 'MemberExpression' && /^(body|query)$/.test(nameOf(object) ?? ''));
      const name = nameOf(node);
      return isBody && name !== undefined && !OWN_METHODS.test(name) ? name : undefined;
    }
    if (node.type !== 'CallExpression' || !QUERY_CALL.test(nameOf(node.callee) ?? '')) return undefined;
    const text = textOf(argumentsOf(node)[0]);
    return text !== undefined && /^[\w-]{1,40}$/.test(text) && placeOfCall(node, bodies, queries)
      ? text
      : undefined;
  };
  const refers = refersBy((node) => node && direct(node), aliases);
  for (const node of nodes) {
    const name = direct(node);
    if (name !== undefined) {
      const object = node.object as Node | undefined;
      const isOfQuery =
        node.type === 'CallExpression'
          ? placeOfCall(node, bodies, queries) === 'query'
          : nameOf(object) === 'query' || queries.has(nameOf(object) ?? '');
      if (!names.has(name)) names.set(name, isOfQuery ? 'query' : 'body');
    }
    if (node.type !== 'VariableDeclarator') continue;
    if (node.init && heldIn(node.init as Node).some((one) => bodies.has(one))) take(node.id as Node, 'body');
    const alias = (node.id as Node).type === 'Identifier' ? nameOf(node.id) : undefined;
    const of = node.init ? refers(node.init as Node) : undefined;
    if (alias !== undefined && of !== undefined) aliases.set(alias, of);
  }
  const schema = schemaKeys(handler, file);
  for (const [name, told] of schema) {
    if (!names.has(name)) names.set(name, 'body');
    types.set(name, told);
  }
  // What a schema's answer consists of is nothing of the request's.
  if (schema.length > 0)
    for (const name of ['data', 'success', 'error']) if (!types.has(name)) names.delete(name);
  for (const [name, given] of passed) if (aliases.has(given)) aliases.set(name, aliases.get(given) ?? '');
  const asked = constraintsIn(nodes, file, refers);
  const fields = [...names]
    .filter(([name]) => name !== '')
    .map(([name, place]) => field(name, place, { ...asked.get(name), ...types.get(name) }, codes));
  const hasBody = fields.some(({ place }) => place === 'body') || [...bodies].some((one) => used.has(one));
  const openCookie = openCookieIn(nodes, file, isSessionName);
  const mentionsKey = nodes.some((node) => /^idempotency-key$/i.test(textOf(node) ?? ''));
  return {
    encoding: hasBody ? (isForm ? 'form' : 'json') : 'none',
    fields,
    headers: mentionsKey ? ['idempotency-key'] : [],
    ...(openCookie !== undefined && { openCookie }),
  };
}

/** An assignment to a variable, as if it were declared there. */
const assigned = (node: Node): Node =>
  node.type === 'AssignmentExpression' && node.operator === '='
    ? ({ ...node, type: 'VariableDeclarator', id: node.left, init: node.right } as unknown as Node)
    : node;

/** The variables that an expression is, whichever way it goes: `body ?? {}`, `isObject(body) ? body : {}`. */
function heldIn(init: Node): string[] {
  switch (init.type) {
    case 'Identifier':
      return [String(init.name)];
    case 'AwaitExpression':
      return heldIn(init.argument as Node);
    case 'LogicalExpression':
      return [...heldIn(init.left as Node), ...heldIn(init.right as Node)];
    case 'ConditionalExpression':
      return [...heldIn(init.consequent as Node), ...heldIn(init.alternate as Node)];
    default:
      return [];
  }
}

/** Whether `get('x')` and alike asks the body or the query; undefined when it asks something else. */
function placeOfCall(
  call: Node,
  bodies: ReadonlySet<string>,
  queries: ReadonlySet<string>,
): Field['place'] | undefined {
  const callee = call.callee as Node;
  const on = callee.type === 'MemberExpression' ? nameOf(callee.object) : undefined;
  if (on !== undefined && bodies.has(on)) return 'body';
  return /searchParams|params|req$|url/i.test(on ?? '') || queries.has(on ?? '') ? 'query' : undefined;
}

/** Whether an expression gives the body of a request: by a call that says so or reads it, or as `req.body`. */
function readsBody(init: Node, readers: ReadonlyMap<string, boolean>): boolean {
  const plain = init.type === 'AwaitExpression' ? (init.argument as Node) : init;
  const within = (node: Node) => readsBody(node, readers);
  if (plain !== init) return within(plain);
  if (plain.type === 'LogicalExpression') return within(plain.left as Node);
  if (plain.type === 'ConditionalExpression')
    return within(plain.consequent as Node) || within(plain.alternate as Node);
  if (plain.type === 'ChainExpression') return within(plain.expression as Node);
  if (nodesIn(plain).some(isFunction) && plain.type !== 'CallExpression') return false;
  if (plain.type === 'MemberExpression') return nameOf(plain) === 'body';
  if (plain.type === 'NewExpression')
    return nameOf(plain.callee) === 'URLSearchParams' && !isQuery(plain) && argumentsOf(plain).length > 0;
  if (plain.type !== 'CallExpression') return false;
  const callee = plain.callee as Node;
  const name = nameOf(callee) ?? '';
  if (callee.type === 'Identifier' && readers.has(name)) return true;
  if (callee.type === 'MemberExpression' && name === 'parse')
    return nameOf(callee.object) === 'JSON' || argumentsOf(plain).some(within);
  if (callee.type === 'MemberExpression' && name === 'fromEntries') return argumentsOf(plain).some(within);
  if (callee.type === 'MemberExpression' && /^(catch|then|valid|safeParse)$/.test(name))
    return name === 'valid' || within(callee.object as Node) || argumentsOf(plain).some(within);
  return READS_BODY.test(name) && name !== 'stringify';
}

const readsForm = (init: Node, readers: ReadonlyMap<string, boolean>): boolean =>
  nodesIn(init).some(
    (one) =>
      /^(parseBody|formData|URLSearchParams)$/.test(nameOf(one) ?? '') ||
      (one.type === 'CallExpression' && readers.get(nameOf(one.callee) ?? '') === true),
  );

/** `url.searchParams`, `c.req.query()`, or an object of one. */
function isQuery(init: Node): boolean {
  if (init.type === 'MemberExpression') return /^(searchParams|query)$/.test(nameOf(init) ?? '');
  if (init.type === 'CallExpression' && nameOf(init.callee) === 'query')
    return argumentsOf(init).length === 0;
  const isMade =
    (init.type === 'CallExpression' && nameOf(init.callee) === 'fromEntries') ||
    (init.type === 'NewExpression' && nameOf(init.callee) === 'URLSearchParams');
  return (
    isMade &&
    nodesIn(init).some(
      (one) => one.type === 'MemberExpression' && /^(searchParams|search)$/.test(nameOf(one) ?? ''),
    )
  );
}

/** What a pattern takes out of an object: the keys, and the variables they become. */
const boundBy = (pattern: Node): [string, string][] =>
  pattern.type === 'ObjectPattern'
    ? (pattern.properties as Node[]).flatMap(({ key, value }): [string, string][] => {
        const name = nameOf(key) ?? textOf(key);
        const target =
          (value as Node | undefined)?.type === 'AssignmentPattern' ? (value as Node).left : value;
        return name === undefined ? [] : [[name, nameOf(target) ?? name]];
      })
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

/** The keys of the zod objects that the handler names, with what their calls say. */
function schemaKeys(handler: Node, file: Node): [string, Told][] {
  const named = new Set(
    nodesIn(handler)
      .filter(({ type }) => type === 'Identifier')
      .map(({ name }) => name),
  );
  const all = schemasIn(file);
  const isNested = (above: readonly Node[]) => all.some(({ node }) => above.includes(node));
  const own = all
    .filter(({ above }) => !isNested(above))
    .filter(({ above }) =>
      above.some(
        (one) => one === handler || (one.type === 'VariableDeclarator' && named.has(nameOf(one.id))),
      ),
    );
  return own.flatMap(({ node }) => argumentsOf(node).flatMap(shapeKeys));
}

const shapeKeys = (shape: Node): [string, Told][] =>
  ((shape.properties as Node[] | undefined) ?? []).flatMap(({ key, value }): [string, Told][] => {
    const name = nameOf(key) ?? textOf(key);
    return name === undefined || !value ? [] : [[name, ofSchema(value as Node)]];
  });

function field(name: string, place: Field['place'], told: Told, { typed, settings }: Codes): Field {
  const type = told.type ?? typeByName(name);
  return {
    name,
    place,
    type,
    required: place === 'body',
    minLength: told.minLength ?? 0,
    maxLength: told.maxLength,
    minimum: told.minimum,
    maximum: told.maximum,
    options: told.options ?? [],
    ...(told.pattern === undefined ? {} : { pattern: told.pattern }),
    examples: [
      ...(SECRETS.test(name) ? settings.filter(fits(told)).slice(0, 3) : []),
      ...(told.examples ?? []),
      ...(CODES.test(name) ? typed.filter(fits(told)).slice(0, 8) : []),
    ],
  };
}

const fits =
  ({ pattern }: Told) =>
  (code: string): boolean =>
    pattern === undefined || expression(pattern).test(code);

function typeByName(name: string): Field['type'] {
  if (/e-?mail/i.test(name)) return 'email';
  if (/pass(word|phrase)?$/i.test(name)) return 'password';
  if (/ur[il]$|^(url|uri|href|link|webhook|callback)/i.test(name)) return 'url';
  if (NUMBERS.test(name)) return 'number';
  return BOOLEANS.test(name) ? 'boolean' : 'text';
}
