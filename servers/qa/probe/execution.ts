import { attribute, type Element, elementsOf, elementsOfFragment, ownText } from './html.ts';
import { splitScript } from './script.ts';
import type { Exchange } from './types.ts';

/** Where a tag of ours came back as something a browser runs. */
export interface Execution {
  /** What it became, in words. */
  how: string;
  /** The page's own Content-Security-Policy would stop the inline script; the markup is still the attacker's. */
  heldBack: boolean;
}

const ADDRESSES = new Set(['href', 'src', 'action', 'formaction', 'xlink:href', 'data']);
const HTML_SINK =
  /\.(innerHTML|outerHTML|srcdoc)\s*\+?=|\.(insertAdjacentHTML|setHTMLUnsafe|createContextualFragment)\s*\(|document\.write(ln)?\s*\(/;
const SCRIPT_TYPE = /^(|module|(text|application)\/(java|ecma)script)$/i;

/**
 * Finds out, by parsing the answer as a browser would, whether the tag became part of a script, an event
 * handler, a `javascript:` address or the name of an element or attribute. As text, as a plain attribute value,
 * as JSON or inside a string of a script it is harmless, unless that string is markup which the script renders.
 * Only ways that the parse confirms count: a script that builds its markup in the browser is not followed.
 */
export function findExecution(answer: Exchange, tag: string): Execution | undefined {
  if (!answer.body.includes(tag)) return undefined;
  const type = answer.headers['content-type'] ?? '';
  if (/\b(java|ecma)script\b/i.test(type)) return found(inScript(answer.body, tag), false);
  const sniffed = type === '' && /^\s*</.test(answer.body);
  if (!sniffed && !/\b(html|svg|xml)\b/i.test(type)) return undefined;
  return found(
    inElements(elementsOf(answer.body), tag),
    stopsInlineScripts(answer.headers['content-security-policy']),
  );
}

const found = (how: string | undefined, heldBack: boolean) =>
  how === undefined ? undefined : { how, heldBack };

function inElements(elements: Iterable<Element>, tag: string): string | undefined {
  for (const element of elements) {
    const how = inElement(element, tag);
    if (how) return how;
  }
  return undefined;
}

function inElement(element: Element, tag: string): string | undefined {
  const name = element.tagName;
  if (name.includes(tag)) return 'the name of an element';
  if (name === 'script' && SCRIPT_TYPE.test(attribute(element, 'type') ?? '')) {
    const how = inScript(ownText(element), tag);
    if (how) return how;
  }
  for (const attr of element.attrs) {
    const how = inAttribute(attr.name, attr.value, tag);
    if (how) return `${how} of <${name}>`;
  }
  return undefined;
}

function inAttribute(name: string, value: string, tag: string): string | undefined {
  if (name.includes(tag)) return 'the name of an attribute';
  if (!value.includes(tag)) return undefined;
  if (name.startsWith('on') && splitScript(value).code.includes(tag)) return `the event handler ${name}`;
  // A browser drops control characters and space before it reads the scheme.
  const address = value.replace(/[\x00-\x20]/g, '');
  if (ADDRESSES.has(name) && /^javascript:/i.test(address)) return `a javascript: address in ${name}`;
  if (name === 'srcdoc') return inElements(elementsOf(value), tag);
  return undefined;
}

function inScript(source: string, tag: string): string | undefined {
  const { code, strings } = splitScript(source);
  if (code.includes(tag)) return 'code of a script';
  if (!HTML_SINK.test(code)) return undefined;
  for (const text of strings.flatMap(values)) {
    const how = text.includes(tag) ? inMarkup(text, tag) : undefined;
    if (how) return `${how}, in markup that the script renders`;
  }
  return undefined;
}

/** A string that is JSON holds data: each value in it is looked at alone. */
function values(text: string): string[] {
  if (!/^\s*[[{]/.test(text)) return [text];
  try {
    const found: string[] = [];
    JSON.parse(text, (_, value) => {
      if (typeof value === 'string') found.push(value);
      return value;
    });
    return found;
  } catch {
    return [text];
  }
}

/** A string that holds nothing but our payload is data; one with elements of the product around it is markup. */
function inMarkup(text: string, tag: string): string | undefined {
  const elements = elementsOfFragment(text);
  const how = inElements(elements, tag);
  return how !== undefined && elements.some((element) => !['img', 'svg'].includes(element.tagName))
    ? how
    : undefined;
}

function stopsInlineScripts(policy: string | undefined): boolean {
  const directives = (policy ?? '').split(';').map((directive) => directive.trim().split(/\s+/));
  const named = (name: string) => directives.find((words) => words[0]?.toLowerCase() === name);
  const sources = named('script-src') ?? named('default-src');
  return sources !== undefined && !sources.includes("'unsafe-inline'");
}
