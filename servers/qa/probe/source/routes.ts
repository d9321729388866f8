import { argumentsOf, descend, isFunction, type Node, nameOf, nodesIn, textOf } from './ast.ts';

const METHODS = /^(get|post|put|patch|delete|del|all)$/i;
const METHOD_WORD = /^(GET|POST|PUT|PATCH|DELETE)$/;
const LINE = /^(GET|POST|PUT|PATCH|DELETE)\s+(\/\S*)$/;

/** A route as the source says it: `path` with `{name}` for parameters, and the code that handles it. */
export interface Route {
  method: string;
  path: string;
  handler: Node;
}

/** What a file hangs up under a path: by the name of a router, as `app.route('/api', orders)` does. */
export interface Mount {
  path: string;
  router: string;
}

/** The routes of a file of Hono, Express or alike, or of a handler that compares paths itself. */
export function routesOf(tree: Node, prefix: string): Route[] {
  const prefixes = prefixesOf(tree, prefix);
  const paths = pathConstants(tree);
  const found = [...descend(tree)].flatMap(({ node, above }) => [
    ...registered(node, above, tree, prefixes, prefix),
    ...compared(node, above),
    ...tabled(node, tree, prefix),
  ]);
  const constants = [...descend(tree)].flatMap(({ node, above }) => fromConstant(node, above, paths));
  return [...found, ...constants].filter(
    ({ path }) => path.startsWith('/') && !path.includes('*') && path.length < 200,
  );
}

/** Every place where the file hangs a router up under a path. */
export const mountsOf = (tree: Node): Mount[] =>
  nodesIn(tree).flatMap((node) => {
    const [path, router] = node.type === 'CallExpression' ? argumentsOf(node) : [];
    const isMount =
      node.type === 'CallExpression' && /^(route|use|mount|register)$/.test(nameOf(node.callee) ?? '');
    const text = textOf(path);
    const name = router && router.type === 'Identifier' ? String(router.name) : undefined;
    return isMount && text?.startsWith('/') && name !== undefined
      ? [{ path: text.replace(/\/+$/, ''), router: name }]
      : [];
  });

function prefixesOf(tree: Node, prefix: string): Map<string, string> {
  const prefixes = new Map(mountsOf(tree).map(({ path, router }) => [router, prefix + path]));
  for (const { type, id, init } of nodesIn(tree)) {
    if (type !== 'VariableDeclarator' || !init) continue;
    const base = nodesIn(init as Node).find(
      (node) => node.type === 'CallExpression' && nameOf(node.callee) === 'basePath',
    );
    const path = base && textOf(argumentsOf(base)[0]);
    const name = nameOf(id);
    if (path && name) prefixes.set(name, prefix + path.replace(/\/+$/, ''));
  }
  return prefixes;
}

/** `app.get('/path', handler)`, `app.on(['GET'], '/path', handler)`, `app.route({ method, url, handler })`. */
function registered(
  node: Node,
  above: readonly Node[],
  tree: Node,
  prefixes: Map<string, string>,
  prefix: string,
): Route[] {
  const callee = node.callee as Node | undefined;
  if (node.type !== 'CallExpression' || callee?.type !== 'MemberExpression') return [];
  const name = nameOf(callee) ?? '';
  const [first, second] = argumentsOf(node);
  const last = argumentsOf(node).at(-1);
  const root =
    rootOf(callee.object as Node) ?? nameOf(above.find(({ type }) => type === 'VariableDeclarator')?.id);
  const base = prefixes.get(root ?? '') ?? prefix;
  if (name === 'route' && first?.type === 'ObjectExpression') return fromObject(first, base);
  const isOn = name === 'on';
  const path = textOf(isOn ? second : first);
  if (
    (!isOn && !METHODS.test(name)) ||
    path === undefined ||
    !path.startsWith('/') ||
    !last ||
    argumentsOf(node).length < (isOn ? 3 : 2)
  )
    return [];
  const methods = isOn
    ? nodesIn(first as Node).flatMap((one) => textOf(one) ?? [])
    : [name === 'del' ? 'delete' : name];
  const handler = handlerOf(last, tree) ?? node;
  // What stands between path and handler, a validator for example, reads the request too.
  const whole = { ...node, callee: null, handler } as unknown as Node;
  return methods.map((method) => ({
    method: method.toLowerCase() === 'all' ? 'GET' : method.toUpperCase(),
    path: template(base + path),
    handler: whole,
  }));
}

function fromObject(object: Node, base: string): Route[] {
  const value = (names: RegExp) =>
    (object.properties as Node[]).find(({ key }) => names.test(nameOf(key) ?? ''))?.value as Node | undefined;
  const path = textOf(value(/^(url|path)$/));
  const methods = nodesIn(value(/^method$/) ?? object)
    .flatMap((node) => textOf(node) ?? [])
    .filter((text) => METHOD_WORD.test(text));
  return path === undefined
    ? []
    : methods.map((method) => ({
        method,
        path: template(base + path),
        handler: value(/^handler$/) ?? object,
      }));
}

/** The name at the start of a chain of calls. */
function rootOf(node: Node): string | undefined {
  if (node.type === 'Identifier') return String(node.name);
  if (node.type === 'CallExpression')
    return rootOf(
      (node.callee as Node).type === 'MemberExpression'
        ? ((node.callee as Node).object as Node)
        : (node.callee as Node),
    );
  return node.type === 'MemberExpression' ? rootOf(node.object as Node) : undefined;
}

/** The function itself, or the one that the name stands for. */
function handlerOf(node: Node, tree: Node): Node | undefined {
  if (node.type !== 'Identifier') return node;
  return nodesIn(tree).find(
    (one) =>
      (one.type === 'FunctionDeclaration' || one.type === 'VariableDeclarator') &&
      nameOf(one.id) === node.name,
  );
}

/** `path === '/x' && method === 'POST'`, `case '/x'`, `'GET /x'`, `path.startsWith('/x/')`, `/^\/x\/(\d+)$/`. */
function compared(node: Node, above: readonly Node[]): Route[] {
  const parent = above[0];
  const line = LINE.exec(textOf(node) ?? '');
  if (line?.[1] && line[2]) return [{ method: line[1], path: template(line[2]), handler: bodyOf(above) }];
  const path = pathOf(node, parent);
  if (path === undefined) return [];
  return routesAt(path, parent, above);
}

/** The routes of one comparison: the methods that its conditions name, and the code behind them. */
function routesAt(path: string, parent: Node | undefined, above: readonly Node[]): Route[] {
  const scopes = above.filter(
    ({ type }) => type === 'IfStatement' || type === 'SwitchCase' || type === 'ConditionalExpression',
  );
  const test = scopes[0];
  const named =
    parent?.type === 'CallExpression' || parent?.type === 'MemberExpression' ? conditionsOn(above) : [];
  const places = named.length > 0 ? named : test ? [test] : [];
  return places.flatMap((place) => {
    const outer = [place, ...scopes.filter((one) => one !== place)];
    const own = outer
      .map((one) => methodsIn(one.test as Node | undefined))
      .find((methods) => methods.length > 0);
    const handler = ((place.consequent as Node | Node[] | undefined) ?? place) as Node;
    const rest = isLeft(place, parent) ? above.find(isFunction) : undefined;
    const body = rest ?? (Array.isArray(handler) ? place : handler);
    const inner =
      own || isFunction(place)
        ? []
        : nodesIn(body).flatMap((one) => (one.type === 'IfStatement' ? methodsIn(one.test as Node) : []));
    return [...new Set(own ?? (inner.length > 0 ? ['GET', ...inner] : ['GET']))].map((method) => ({
      method,
      path,
      handler: body,
    }));
  });
}

/** Whether a condition sends away what is not of this path: the route is then what follows. */
const isLeft = (place: Node, parent: Node | undefined): boolean =>
  (parent?.type === 'BinaryExpression' && /^!==?$/.test(String(parent.operator))) ||
  ((place.test as Node | undefined)?.type === 'UnaryExpression' && (place.test as Node).operator === '!');

/** Paths and patterns that have a name, `const ITEM = /^\/items\/(\d+)$/` for example. */
function pathConstants(tree: Node): Map<string, string> {
  const found = new Map<string, string>();
  for (const { type, id, init } of nodesIn(tree)) {
    const name = nameOf(id);
    if (type !== 'VariableDeclarator' || name === undefined || !init) continue;
    const path = routePath(init as Node);
    if (path !== undefined) found.set(name, path);
  }
  return found;
}

/** A path that is written out, as a pattern, or as a URLPattern; undefined for anything else. */
function routePath(node: Node): string | undefined {
  const text = textOf(node);
  if (text !== undefined) return /^\/[\w\-./:{}]*$/.test(text) ? template(text) : undefined;
  if (node.type === 'NewExpression' && nameOf(node.callee) === 'URLPattern') {
    const [first] = argumentsOf(node);
    const named = (first?.properties as Node[] | undefined)?.find(({ key }) => nameOf(key) === 'pathname');
    const inner = (named?.value as Node | undefined) ?? first;
    return inner ? routePath(inner) : undefined;
  }
  const pattern = (node.regex as { pattern: string } | undefined)?.pattern;
  return pattern?.startsWith('^\\/') ? fromPattern(pattern) : undefined;
}

/** Where a named path is compared or matched. */
function fromConstant(node: Node, above: readonly Node[], paths: ReadonlyMap<string, string>): Route[] {
  const path = node.type === 'Identifier' ? paths.get(String(node.name)) : undefined;
  const parent = above[0];
  if (path === undefined || !parent) return [];
  const isUse =
    (parent.type === 'BinaryExpression' && /^[!=]==?$/.test(String(parent.operator))) ||
    parent.type === 'SwitchCase' ||
    (parent.type === 'MemberExpression' &&
      parent.object === node &&
      /^(exec|test)$/.test(nameOf(parent) ?? '')) ||
    (parent.type === 'CallExpression' && /^(match|matchAll|startsWith)$/.test(nameOf(parent.callee) ?? ''));
  return isUse ? routesAt(path, parent, above) : [];
}

/** A row of a table: `['GET', /^\/x$/, handler]`, `{ method, path, handler }`, `route('GET', '/x', handler)`. */
function tabled(node: Node, tree: Node, prefix: string): Route[] {
  const cells =
    node.type === 'ArrayExpression'
      ? (node.elements as (Node | null)[])
      : node.type === 'ObjectExpression'
        ? (node.properties as Node[]).map(({ value }) => value as Node | undefined)
        : node.type === 'CallExpression'
          ? argumentsOf(node)
          : [];
  if (cells.length < 2 || cells.length > 8) return [];
  const method = cells.map(textOf).find((text) => METHOD_WORD.test(text ?? ''));
  const path = cells.flatMap((cell) => (cell ? (routePath(cell) ?? []) : []))[0];
  const handler = cells.findLast((cell) => cell && (isFunction(cell) || cell.type === 'Identifier'));
  if (method === undefined || path === undefined || !handler) return [];
  return [{ method, path: prefix + path, handler: handlerOf(handler, tree) ?? node }];
}

function pathOf(node: Node, parent: Node | undefined): string | undefined {
  const text = textOf(node);
  if (text?.startsWith('/') && /^\/[\w\-./:]*$/.test(text)) {
    if (parent?.type === 'BinaryExpression' && /^[!=]==?$/.test(String(parent.operator)))
      return template(text);
    if (parent?.type === 'SwitchCase' && parent.test === node) return template(text);
    if (
      parent?.type === 'CallExpression' &&
      /^(startsWith|replace|slice)$/.test(nameOf(parent.callee) ?? '') &&
      text.length > 1 &&
      text.endsWith('/')
    )
      return `${text.replace(/\/+$/, '')}/{id}`;
    if (parent?.type === 'CallExpression' && nameOf(parent.callee) === 'startsWith' && text.length > 1)
      return `${text.replace(/\/+$/, '')}/{id}`;
  }
  const pattern = (node.regex as { pattern: string } | undefined)?.pattern;
  const path = pattern?.startsWith('^\\/') ? fromPattern(pattern) : undefined;
  // What is cut off before a parameter: `path.replace(/^\/x\//, '')`.
  return path?.endsWith('/') && path.length > 1 ? `${path}{id}` : path;
}

/** A path that the pattern matches, with a parameter for each group; undefined when it is more than that. */
function fromPattern(pattern: string): string | undefined {
  let index = 0;
  const path = pattern
    .replace(/^\^|\$$|\\\/\?\$$/g, '')
    .replaceAll('\\/', '/')
    .replace(/\((?:\?<(\w+)>)?[^()]*\)/g, (_, name?: string) => {
      index += 1;
      return `{${name ?? (index === 1 ? 'id' : `id${index}`)}}`;
    })
    .replace(/(?:\\[dw]|\[[^\]]*\])(?:[+*]|\{\d+(?:,\d*)?\})/g, () => {
      index += 1;
      return `{${index === 1 ? 'id' : `id${index}`}}`;
    })
    .replaceAll('\\-', '-')
    .replaceAll('\\.', '.');
  return /^\/[\w\-./{}]*$/.test(path) ? path : undefined;
}

/**
 * The conditions on what a pattern's match was kept in, or on what was made of that: the `if`s, else the conditional
 * expressions. Where there are none, the whole function goes by the match.
 */
function conditionsOn(above: readonly Node[]): Node[] {
  const declared = above.find(({ type }) => type === 'VariableDeclarator');
  const scope = above.find((one) => isFunction(one) || one.type === 'Program');
  const kept = declared ? namesIn(declared.id as Node) : [];
  if (kept.length === 0 || !scope) return [];
  const all = nodesIn(scope);
  const made = all.flatMap((node) =>
    node.type === 'VariableDeclarator' && node !== declared && node.init && mentions(node.init as Node, kept)
      ? namesIn(node.id as Node)
      : [],
  );
  const on = (type: string, names: readonly string[]) =>
    all.filter((node) => node.type === type && mentions(node.test as Node, names));
  const ways = [
    on('IfStatement', kept),
    on('IfStatement', made),
    on('ConditionalExpression', [...kept, ...made]),
  ];
  return ways.find((found) => found.length > 0) ?? (isFunction(scope) ? [scope] : []);
}

const mentions = (node: Node, names: readonly string[]): boolean =>
  nodesIn(node).some((one) => one.type === 'Identifier' && names.includes(String(one.name)));

/** The variables that a declaration binds: its name, or those of its pattern. */
const namesIn = (id: Node): string[] =>
  nodesIn(id).flatMap((one) => (one.type === 'Identifier' ? [String(one.name)] : []));

const methodsIn = (test: Node | undefined): string[] =>
  test
    ? nodesIn(test).flatMap((node) => (METHOD_WORD.test(textOf(node) ?? '') ? [textOf(node) ?? ''] : []))
    : [];

/** The code that belongs to a line such as `'GET /x'`: what it is compared in front of, or its value in a table. */
function bodyOf(above: readonly Node[]): Node {
  const place = above.find(
    ({ type }) =>
      type === 'IfStatement' || type === 'SwitchCase' || type === 'Property' || type === 'CallExpression',
  );
  return place ?? (above[0] as Node);
}

/** `:id`, `:id{[0-9]+}` and `[id]` as `{id}`; an optional parameter is left out. */
const template = (path: string): string =>
  path
    .replace(/\/:\w+(\{[^}]*\})?\?/g, '')
    .replace(/:(\w+)(\{[^}]*\}|\([^)]*\))?/g, '{$1}')
    .replace(/(.)\/+$/, '$1')
    .replace(/\/{2,}/g, '/');
