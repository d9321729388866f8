import type { Told } from '../wording.ts';
import { argumentsOf, type Node, nameOf, textOf } from './ast.ts';

/** What a zod schema asks, `z.string().regex(/^x/).max(9)` for example. */
export function ofSchema(value: Node): Told {
  const calls = chainOf(value);
  const call = (name: string) => calls.find(([one]) => one === name)?.[1];
  const number = (name: string): number | undefined => {
    const first = call(name)?.[0]?.value;
    return typeof first === 'number' ? first : undefined;
  };
  const names = calls.map(([name]) => name);
  const has = (...some: string[]) => some.some((name) => names.includes(name));
  const pattern = (call('regex')?.[0]?.regex as { pattern: string } | undefined)?.pattern;
  const options = [
    ...((call('enum')?.[0]?.elements as Node[] | undefined) ?? []),
    ...(call('literal') ?? []),
  ].flatMap((one) => (one?.type === 'Literal' ? [one.value] : []));
  if (options.length > 0) return { type: 'choice', options };
  if (has('array', 'object', 'strictObject', 'record'))
    return { type: 'data', examples: [sampleOf(value, 0)] };
  if (has('number', 'int')) {
    const least = number('min') ?? number('gte') ?? (has('positive') ? 1 : undefined);
    const most = number('max') ?? number('lte');
    return {
      type: 'number',
      ...(least === undefined ? {} : { minimum: least }),
      ...(most === undefined ? {} : { maximum: most }),
    };
  }
  if (has('boolean')) return { type: 'boolean' };
  if (has('email')) return { type: 'email' };
  if (has('url')) return { type: 'url' };
  if (has('uuid')) return { type: 'uuid' };
  if (has('date')) return { type: 'date' };
  const least = number('min') ?? number('length');
  const most = number('max') ?? number('length');
  return {
    type: 'text',
    ...(least === undefined ? {} : { minLength: least }),
    ...(most === undefined ? {} : { maxLength: most }),
    ...(pattern === undefined ? {} : { pattern }),
  };
}

/** The calls of a chain with their arguments, from its start: `z.string().min(1)` is string and min. */
function chainOf(node: Node): [string, Node[]][] {
  if (node.type !== 'CallExpression') return [];
  const callee = node.callee as Node;
  const before = callee.type === 'MemberExpression' ? chainOf(callee.object as Node) : [];
  return [...before, [nameOf(callee) ?? '', argumentsOf(node)]];
}

/** A value that a nested schema accepts. */
function sampleOf(value: Node, depth: number): unknown {
  const calls = chainOf(value);
  const args = (name: RegExp) => calls.find(([one]) => name.test(one))?.[1];
  const list = args(/^array$/);
  const [element] = list ?? [];
  if (list && depth < 4) return [element ? sampleOf(element, depth + 1) : 'word'];
  const shape = args(/^(object|strictObject)$/)?.[0];
  if (shape && depth < 4)
    return Object.fromEntries(
      ((shape.properties as Node[] | undefined) ?? []).map(({ key, value: one }) => [
        nameOf(key) ?? textOf(key) ?? '',
        sampleOf(one as Node, depth + 1),
      ]),
    );
  const { type, options, minimum } = depth < 5 ? ofSchema(value) : {};
  if (type === 'choice') return options?.[0];
  if (type === 'number') return minimum ?? 1;
  if (type === 'email') return 'someone@example.com';
  return type === 'boolean' ? true : 'word';
}
