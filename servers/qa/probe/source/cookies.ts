import { argumentsOf, type Node, nameOf, nodesIn, textOf } from './ast.ts';

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
  return [...named, ...written].find(isSession);
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
    const declared = nodesIn(file).filter(
      (node) =>
        (node.type === 'VariableDeclarator' || node.type === 'FunctionDeclaration') &&
        used.has(nameOf(node.id) ?? '') &&
        !found.has(node) &&
        node.end - node.start < MOST_CHARS,
    );
    for (const node of declared) found.add(node);
    front = declared.flatMap(nodesIn);
  }
  return [...found].flatMap(nodesIn);
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
