import { type Answer, MAX_BODY, type Request } from './check.ts';
import { idOfNobody, type Json, resolved, sampleOf } from './sample.ts';
import { misshapen } from './shape.ts';

/** One operation of an OpenAPI 3 document: a request to try, and what is promised about its answers. */
export interface Operation {
  /** Null for what would change data that is not the verification's own. */
  request: Request | null;
  method: string;
  path: string;
  /** Declared media types by status (`200`, `4XX`, `default`), each with the schema of its body. */
  promises: ReadonlyMap<string, ReadonlyMap<string, Json>>;
  /** Whether it is promised to nobody who comes without credentials. */
  secured: boolean;
  /** The description it stands in, where its schemas point to. */
  document: Json;
  /** Answers that are right although nobody declares them: unknown things, missing credentials. */
  tolerated: readonly number[];
}

const METHODS = ['get', 'head', 'options', 'post', 'put', 'patch', 'delete'];
const CHANGING = ['PUT', 'PATCH', 'DELETE'];

/** The operations of a parsed OpenAPI document, at most `limit`; undefined when it is none. */
export function operationsOf(document: Json, limit: number): Operation[] | undefined {
  if (typeof document !== 'object' || document === null || typeof document.paths !== 'object')
    return undefined;
  return Object.entries(document.paths)
    .flatMap(([path, item]) =>
      METHODS.flatMap((method) => {
        const operation = resolved(item, document)?.[method];
        return operation ? [operationFor(document, path, method.toUpperCase(), operation, item)] : [];
      }),
    )
    .slice(0, limit);
}

/** Why an answer is not as promised; undefined when it is. */
export function brokenPromise(
  { promises, tolerated, secured, document }: Operation,
  { status, media, body }: Answer,
): string | undefined {
  if (status === 0) return 'no answer came';
  if (status >= 500) return 'the server failed';
  if (tolerated.includes(status)) return undefined;
  if (secured && status < 300) return 'it answers without credentials';
  const types =
    promises.get(String(status)) ?? promises.get(`${String(status)[0]}XX`) ?? promises.get('default');
  if (!types) return promises.size === 0 && status < 400 ? undefined : 'a status that is not declared';
  if (types.size === 0 || body === '') return undefined;
  const declared = [...types].find(([type]) => covers(type, media));
  if (!declared) return `content type ${media || 'missing'} instead of ${[...types.keys()].join(' or ')}`;
  return brokenShape(declared[1], media, body, document);
}

/** Why a JSON body is not what its schema says; one that was cut off can't be judged. */
function brokenShape(schema: Json, media: string, body: string, document: Json): string | undefined {
  if (!schema || !/[/+]json$/.test(media) || body.length >= MAX_BODY) return undefined;
  try {
    return misshapen(JSON.parse(body), schema, document);
  } catch (error) {
    if (error instanceof SyntaxError) return 'its body is no JSON';
    throw error;
  }
}

function operationFor(
  document: Json,
  template: string,
  method: string,
  operation: Json,
  item: Json,
): Operation {
  const parameters = [...listOf(item?.parameters), ...listOf(operation?.parameters)].map((one) =>
    resolved(one, document),
  );
  const placed = (place: string) => parameters.filter((one) => String(one?.in) === place);
  const inPath = placed('path');
  const path = inPath.reduce<string>((text, one) => {
    const value = method === 'GET' ? sampleFor(one, document) : idOfNobody(resolved(one?.schema, document));
    return text.replaceAll(`{${one?.name}}`, encodeURIComponent(value));
  }, template);
  const query = placed('query')
    .filter((one) => Boolean(one?.required))
    .map((one): [string, string] => [String(one?.name), sampleFor(one, document)]);
  const headers = placed('header')
    .filter((one) => Boolean(one?.required))
    .map((one): [string, string] => [String(one?.name), sampleFor(one, document)]);
  const search = query.length > 0 ? `?${new URLSearchParams(query)}` : '';
  const callable = inPath.length > 0 || !CHANGING.includes(method);
  const body = bodyFor(resolved(operation?.requestBody, document), document);
  const request = {
    method,
    path: `${path}${search}`,
    headers: { ...Object.fromEntries(headers), ...body?.headers },
    ...(body && method !== 'GET' && method !== 'HEAD' && { body: body.text }),
  };
  const secured = isSecured(operation?.security ?? document?.security);
  return {
    request: callable ? request : null,
    method,
    path: template,
    promises: promisesOf(operation, document),
    secured,
    document,
    tolerated: [...(inPath.length > 0 ? [404] : []), ...(secured ? [401, 403] : [])],
  };
}

/** An empty alternative lets everybody in. */
function isSecured(security: unknown): boolean {
  const alternatives = listOf(security);
  return alternatives.length > 0 && alternatives.every((one) => Object.keys(one ?? {}).length > 0);
}

function promisesOf(operation: Json, document: Json): Map<string, Map<string, Json>> {
  return new Map(
    Object.entries(operation?.responses ?? {}).map(([status, response]) => [
      status.toUpperCase() === 'DEFAULT' ? 'default' : status.toUpperCase(),
      new Map(
        Object.entries(resolved(response, document)?.content ?? {}).map(([type, content]) => [
          type.toLowerCase(),
          content?.schema,
        ]),
      ),
    ]),
  );
}

function bodyFor(body: Json, document: Json): { headers: Record<string, string>; text: string } | undefined {
  const content = Object.entries(body?.content ?? {});
  const json = content.find(([type]) => /[/+]json\b/.test(type));
  const form = content.find(([type]) => type === 'application/x-www-form-urlencoded');
  const [type, media] = json ?? form ?? [];
  if (type === undefined) return undefined;
  const value = (media?.example as unknown) ?? sampleOf(media?.schema, document);
  const text = json ? JSON.stringify(value) : String(new URLSearchParams(value as Record<string, string>));
  return { headers: { 'content-type': type }, text };
}

const sampleFor = (parameter: Json, document: Json): string =>
  String((parameter?.example as unknown) ?? sampleOf(parameter?.schema, document));

/** Whether a declared media type, perhaps with a wildcard or parameters, covers the one of an answer. */
function covers(declared: string, media: string): boolean {
  const [type = ''] = declared.split(';');
  const name = type.trim();
  return name === '*/*' || name === media || (name.endsWith('/*') && media.startsWith(name.slice(0, -1)));
}

const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value : []);
