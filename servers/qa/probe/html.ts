import { type DefaultTreeAdapterTypes, parse, parseFragment } from 'parse5';

type Node = DefaultTreeAdapterTypes.Node;
export type Element = DefaultTreeAdapterTypes.Element;

/** Every element of a whole document, in document order, templates' contents included. */
export const elementsOf = (html: string): Element[] => [...descend(parse(html))];

/** Every element that the text would become if it were set as `innerHTML`. */
export const elementsOfFragment = (html: string): Element[] => [...descend(parseFragment(html))];

function* descend(node: Node): Generator<Element> {
  if ('tagName' in node) yield node;
  if ('content' in node) yield* descend(node.content);
  if ('childNodes' in node) for (const child of node.childNodes) yield* descend(child);
}

/** The elements below one element. */
export function* inside(element: Element): Generator<Element> {
  for (const child of element.childNodes) yield* descend(child);
}

/** An attribute's value, entities decoded; undefined when the element has none of that name. */
export const attribute = (element: Element, name: string): string | undefined =>
  element.attrs.find((attr) => attr.name === name)?.value;

/** The text directly in an element. */
export const ownText = (element: Element): string =>
  element.childNodes.map((child) => ('value' in child ? child.value : '')).join('');
