import { argumentsOf, isFunction, type Node, nameOf, nodesIn, textOf } from './ast.ts';
import { functionsIn } from './reach.ts';

const SENDS = /^(setCookie|setSignedCookie)$/;
const STEPS = 4;
/** A larger one is a handler and no helper. */
const MOST_CHARS = 3_000;
const REMOVES = /max-age=0\b|expires=thu, 01 jan 1970/i;

/**
 * The name of a session's cookie that code sends without HttpOnly, where nothing that the code names says otherwise;
 * undefined where none is sent or it can't be told. `isSession` judges a name.
 */
export function openCookieIn(
  nodes: readonly Node[],
  file: Node,
  isSession: (name: string) => boolean,
): string | undefined {
  const all = [...nodes, ...namedBy(nodes, file)];
  if (isHelped(all, file)) return undefined;
  const texts = all.flatMap((node) => [textOf(node), partOf(node)].filter((text) => text !== undefined));
  const calls = all.filter((node) => node.type === 'CallExpression' && SENDS.test(nameOf(node.callee) ?? ''));
  const sends = calls.length > 0 || texts.some((text) => /^set-cookie$/i.test(text));
  const says = (pattern: RegExp) =>
    texts.some((text) => pattern.test(text)) || all.some(({ key }) => pattern.test(nameOf(key) ?? ''));
  if (!sends || says(/httponly/i) || says(REMOVES)) return undefined;
  const named = calls.flatMap((call) => argumentsOf(call).flatMap((one) => textOf(one) ?? []));
  const written = texts.flatMap((text) => /^([\w-]{2,40})=/.exec(text)?.[1] ?? []);
  return [...named, ...written, ...namesBefore(all, file)].find(isSession);
}

/** Names that stand before the "=" of a text as a constant, or as a parameter that a call gives a text. */
function namesBefore(nodes: readonly Node[], file: Node): string[] {
  const constant = (node: Node | undefined): string[] => {
    const declared = nodesIn(file).find(
      ({ type, id }) => type === 'VariableDeclarator' && node && nameOf(id) === nameOf(node),
    );
    const text = textOf(node) ?? textOf(declared?.init);
    return text === undefined ? [] : [text];
  };
  const given = (node: Node): string[] =>
    [...functionsIn(file)]
      .filter(([, helper]) => helper.start <= node.start && helper.end >= node.end)
      .flatMap(([name, helper]) => {
        const at = (helper.params as Node[]).findIndex((param) => nameOf(param) === nameOf(node));
        const calls = nodes.filter(
          ({ type, callee }) => type === 'CallExpression' && nameOf(callee) === name,
        );
        return at === -1 ? [] : calls.flatMap((call) => constant(argumentsOf(call)[at]));
      });
  return [...new Set(nodes)].flatMap(beforeEquals).flatMap((node) => [...constant(node), ...given(node)]);
}

/** The name that stands before the "=" of a text which is put together: `${name}=…`, or `name + '='`. */
function beforeEquals({ type, operator, quasis, expressions, left, right }: Node): Node[] {
  const [start, behind] = ((quasis as Node[] | undefined) ?? []).map(partOf);
  const isTemplate = type === 'TemplateLiteral' && start === '' && behind?.startsWith('=');
  const isSum = type === 'BinaryExpression' && operator === '+' && textOf(right)?.startsWith('=');
  const name = isTemplate ? (expressions as Node[])[0] : isSum ? (left as Node) : undefined;
  const plain = name?.type === 'CallExpression' ? argumentsOf(name)[0] : name;
  return plain?.type === 'Identifier' ? [plain] : [];
}

/** A piece of a template. */
const partOf = (node: Node): string | undefined =>
  node.type === 'TemplateElement' ? (node.value as { cooked?: string }).cooked : undefined;

/** What the names in some code stand for in its file, and what those name, a few steps. */
function namedBy(nodes: readonly Node[], file: Node): Node[] {
  const found = new Set<Node>();
  let front = nodes;
  for (let step = 0; step < STEPS && front.length > 0; step += 1) {
    const used = new Set(front.flatMap((node) => (node.type === 'Identifier' ? [String(node.name)] : [])));
    const own = new Set(front.flatMap(declaredBy));
    const declared = nodesIn(file).filter(
      (node) =>
        (node.type === 'VariableDeclarator' || node.type === 'FunctionDeclaration') &&
        used.has(nameOf(node.id) ?? '') &&
        !own.has(nameOf(node.id) ?? '') &&
        !found.has(node) &&
        node.end - node.start < MOST_CHARS,
    );
    for (const node of declared) found.add(node);
    front = declared.flatMap(nodesIn);
  }
  return [...found].flatMap(nodesIn);
}

/** The names that a node gives to something: a variable, or a function's parameters. */
function declaredBy(node: Node): string[] {
  const params = isFunction(node) ? (node.params as Node[]).map((param) => param.left ?? param) : [];
  return [...params, ...(node.type === 'VariableDeclarator' ? [node.id] : [])].flatMap(
    (one) => nameOf(one) ?? [],
  );
}

/** Whether a helper of another file, which is not looked into, may say how the cookie goes out. */
function isHelped(nodes: readonly Node[], file: Node): boolean {
  const imported = new Set(
    nodesIn(file).flatMap((node) =>
      /^Import\w*Specifier$/.test(node.type) ? (nameOf(node.local) ?? []) : [],
    ),
  );
  return nodes.some(
    ({ type, name }) =>
      type === 'Identifier' &&
      imported.has(String(name)) &&
      /cookie|session|flag|attribute|option/i.test(String(name)) &&
      !SENDS.test(String(name)),
  );
}
