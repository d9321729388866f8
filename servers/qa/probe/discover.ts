import { matches } from './access.ts';
import { allowedAt, callsIn, mentionsIn } from './calls.ts';
import { textField } from './field.ts';
import { readForm } from './forms.ts';
import { type Harvest, openHarvest } from './harvest.ts';
import { attribute, type Element, elementsOf, ownText } from './html.ts';
import { inputKey, merged } from './merge.ts';
import { isOpenApi, readOpenApi } from './openapi.ts';
import type { Exchange, Field, HttpRequest, Input, Surface } from './types.ts';
import { get, pathOf, requestFor, validValues } from './values.ts';

const WELL_KNOWN = [
  '/openapi.json',
  '/sitemap.xml',
  '/robots.txt',
  '/api/openapi.json',
  '/swagger.json',
  '/doc',
  '/api',
];
const MOST_MEMBERS = 3;
/** Collections of which only addresses of members are known. */
const MOST_KINDS = 20;
/** A number or a UUID: no word that somebody chose for a page. */
const MEMBER = /^(\d{1,19}|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12})$/i;
const MOST_PAGES = 60;
/** A path at the beginning of a text, its query with whatever it holds. */
const LEADING_PATH = /^(\/[\w\-.~/%]*)(\?[^\s"'<>]*)?/;
const MOST_TOLD = 20;
/** A path in quotes, as scripts and JSON hold them. */
const QUOTED_PATH = /["'`](\/[\w\-.~/%?=&]*)["'`]/g;

/** How one finds one's way: every address seen, and every way to send something in. */
interface Map {
  queue: string[];
  /** Addresses by path and names of parameters, so that `?page=1` and `?page=2` are one. */
  seen: Set<string>;
  inputs: Input[];
  origin: string;
  harvest: Harvest;
}

/** What is known of the product before it is asked: an OpenAPI document, and what its source says. */
export interface Known {
  openapi?: unknown;
  inputs: readonly Input[];
}

/**
 * Walks the product from `/` along links, frames, scripts, forms, redirects, paths named in scripts and JSON, and an
 * OpenAPI document: the one given, or one found on the way. Pages are what answered with neither 404 nor 405.
 */
export async function discover(
  origin: string,
  { openapi, inputs }: Known,
  send: (request: HttpRequest) => Promise<Exchange>,
): Promise<Surface> {
  const map: Map = { queue: [], seen: new Set(), inputs: [], origin, harvest: openHarvest() };
  const pages: string[] = [];
  if (isOpenApi(openapi)) addInputs(map, readOpenApi(openapi));
  for (const path of ['/', ...WELL_KNOWN]) addAddress(map, path, '/');
  addInputs(map, inputs);

  const walk = async () => {
    for (let at = map.queue.shift(); at !== undefined && pages.length < MOST_PAGES; at = map.queue.shift()) {
      const answer = await send(get(at));
      if (answer.status >= 400) addTold(map, at, answer);
      if (answer.status === 405) addInputs(map, allowedAt(pathOf(at), answer.headers.allow));
      if (answer.status !== 404 && answer.status !== 405) {
        if (answer.status < 300 || answer.status >= 400) pages.push(at);
        readAnswer(map, at, answer);
      }
    }
  };
  await walk();
  for (const input of membersSeen(map)) addInput(map, input);
  // What the answers named leads on, to the members of lists for example.
  for (const input of map.inputs.map(map.harvest.withExamples)) addMembers(map, input);
  await walk();
  return { pages, inputs: merged(map.inputs).map(map.harvest.withExamples) };
}

/** Where an answer leads that the surface does not hold yet, for example the page of what was just sent in. */
export function newLinks(origin: string, surface: Surface, answer: Exchange): string[] {
  const map: Map = {
    queue: [],
    seen: new Set(surface.pages.map((page) => addressKey(origin, page))),
    inputs: [],
    origin,
    harvest: openHarvest(),
  };
  readAnswer(map, answer.request.path, answer);
  return map.queue;
}

function readAnswer(map: Map, at: string, answer: Exchange): void {
  const location = answer.headers.location;
  if (location !== undefined) addAddress(map, location, at);
  const type = answer.headers['content-type'] ?? '';
  if (/\bhtml\b/.test(type)) {
    for (const element of elementsOf(answer.body)) readElement(map, at, element);
  } else if (/\bjson\b/.test(type)) {
    const document = parseJson(answer.body);
    if (isOpenApi(document)) addInputs(map, readOpenApi(document));
    else {
      map.harvest.read(answer);
      addQuoted(map, at, answer.body);
      addTold(map, at, answer);
    }
  } else if (/script\b/.test(type)) addScript(map, at, answer.body);
  else if (/\bxml\b/.test(type)) {
    for (const [, link] of answer.body.matchAll(/<loc>([^<]{1,500})<\/loc>/g))
      addAddress(map, link ?? '', at);
  }
}

function readElement(map: Map, at: string, element: Element): void {
  const link = attribute(element, ['a', 'area', 'link'].includes(element.tagName) ? 'href' : 'src');
  if (link !== undefined) addAddress(map, link, at);
  if (element.tagName === 'form') addInput(map, formAt(map, at, element));
  if (element.tagName === 'script') addScript(map, at, ownText(element));
}

function formAt(map: Map, at: string, form: Element): Input | undefined {
  const action = local(map.origin, attribute(form, 'action') ?? '', at);
  return action === undefined ? undefined : readForm(form, action);
}

function addInputs(map: Map, inputs: readonly Input[]): void {
  for (const input of inputs) {
    addInput(map, input);
    if (input.method === 'GET')
      addAddress(map, requestFor(withoutOptional(input), validValues(input, '1')).path, '/');
  }
}

/**
 * Reading one of many, where nothing but addresses of members told of it: `/cards/1001` is `GET /cards/{id}`. A member
 * is a number, a UUID, or what the list at the address above it names as an id.
 */
function membersSeen({ inputs, harvest }: Map): Input[] {
  const reads = inputs.filter(({ method, path }) => method === 'GET' && path.includes('{'));
  const members: Record<string, string[]> = {};
  for (const address of harvest.addresses()) {
    const [, collection = '', member = ''] = /^(.*\/[^/]*[a-z][^/]*)\/([\w-]+)$/i.exec(address) ?? [];
    const isMember = MEMBER.test(member) || (member !== '' && harvest.isMember(collection, member));
    if (isMember && !reads.some(({ path }) => matches(path, address)))
      members[collection] = [...(members[collection] ?? []), member];
  }
  return Object.entries(members)
    .slice(0, MOST_KINDS)
    .map(([collection, examples]) => ({
      method: 'GET',
      path: `${collection}/{id}`,
      encoding: 'none',
      fields: [{ ...textField('id', 'path'), examples }],
    }));
}

/** The addresses of what lists named. */
function addMembers(map: Map, input: Input): void {
  const inPath = input.fields.filter(({ place }) => place === 'path');
  const [field] = inPath;
  if (input.method !== 'GET' || !field || inPath.length > 1) return;
  for (const example of (field.examples ?? []).slice(0, MOST_MEMBERS)) {
    const values = { ...validValues(input, '1'), [field.name]: example };
    addAddress(map, requestFor(withoutOptional(input), values).path, '/');
  }
}

const withoutOptional = (input: Input): Input => ({
  ...input,
  fields: input.fields.filter((field) => field.required || field.place === 'path'),
});

function addScript(map: Map, at: string, text: string): void {
  addInputs(map, callsIn(text));
  addQuoted(map, at, text);
}

/** What an answer in JSON or plain text tells of how the product is used; also a refusal does. */
function addTold(map: Map, at: string, { body, headers }: Exchange): void {
  const type = headers['content-type'] ?? '';
  if (!/\bjson\b|text\/plain/.test(type)) return;
  const texts = /\bjson\b/.test(type) ? stringsOf(parseJson(body), 0) : [body.slice(0, 2_000)];
  for (const text of texts.slice(0, MOST_TOLD)) {
    const { inputs, addresses } = mentionsIn(text);
    addInputs(map, inputs);
    const [, path, query = ''] = LEADING_PATH.exec(text) ?? [];
    const words = [...text.matchAll(/(?:^|[\s("'`])(\/[a-z][\w\-./]*)/gi)].map(([, word = '']) =>
      word.replace(/\.$/, ''),
    );
    for (const address of [...addresses, ...(path === undefined ? [] : [path + query]), ...words])
      addAddress(map, address, at);
  }
}

const stringsOf = (json: unknown, depth: number): string[] => {
  if (typeof json === 'string') return json.includes('/') ? [json.slice(0, 500)] : [];
  if (typeof json !== 'object' || json === null || depth > 4) return [];
  return Object.values(json).flatMap((value) => stringsOf(value, depth + 1));
};

function addQuoted(map: Map, at: string, text: string): void {
  for (const [, path] of text.matchAll(QUOTED_PATH)) addAddress(map, path ?? '', at);
}

function addAddress(map: Map, link: string, at: string): void {
  const address = local(map.origin, link, at);
  if (address === undefined) return;
  const key = addressKey(map.origin, address);
  if (map.seen.has(key)) return;
  map.seen.add(key);
  map.queue.push(address);
  map.harvest.address(address);
  const { pathname, searchParams } = new URL(address, map.origin);
  if (searchParams.size > 0) addInput(map, queryInput(pathname, searchParams));
}

/** Path and names of parameters: what makes two addresses the same page. */
function addressKey(origin: string, address: string): string {
  const { pathname, searchParams } = new URL(address, origin);
  return `${pathname}?${[...searchParams.keys()].sort()}`;
}

function addInput(map: Map, input: Input | undefined): void {
  if (!input) return;
  if (!map.inputs.some((known) => inputKey(known) === inputKey(input))) map.inputs.push(input);
}

/** The parameters that a link carries are a way to send something in. */
function queryInput(path: string, query: URLSearchParams): Input {
  const field = (name: string): Field => ({
    name,
    place: 'query',
    type: 'text',
    required: false,
    minLength: 0,
    maxLength: undefined,
    minimum: undefined,
    maximum: undefined,
    options: [],
  });
  return { method: 'GET', path, encoding: 'none', fields: [...new Set(query.keys())].map(field) };
}

/** Path and query of a link on the product's own origin; undefined for every other. */
function local(origin: string, link: string, at: string): string | undefined {
  if (!URL.canParse(link, origin + at)) return undefined;
  const url = new URL(link, origin + at);
  return url.origin === origin ? url.pathname + url.search : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
