import type { Answer, Request } from './check.ts';
import { idOfNobody, type Json, resolved, sampleOf } from './sample.ts';

/** One operation of an OpenAPI 3 document: a request to try, and what is promised about its answers. */
export interface Operation {
  /** Null for what would change data that is not the verification's own. */
  request: Request | null;
  method: string;
  path: string;
  /** Declared media types by status (`200`, `4XX`, `default`). */
  promises: ReadonlyMap<string, readonly string[]>;
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
  { promises, tolerated }: Operation,
  { status, media, body }: Answer,
): string | undefined {
  if (status === 0) return 'no answer came';
  if (status >= 500) return 'the server failed';
  if (tolerated.includes(status)) return undefined;
  const types =
    promises.get(String(status)) ?? promises.get(`${String(status)[0]}XX`) ?? promises.get('default');
  if (!types) return promises.size === 0 && status < 400 ? undefined : 'a status that is not declared';
  if (types.length === 0 || body === '' || types.some((type) => covers(type, media))) return undefined;
  return `content type ${media || 'missing'} instead of ${types.join(' or ')}`;
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
  const secured = listOf(operation?.security ?? document?.security).length > 0;
  return {
    request: callable ? request : null,
    method,
    path: template,
    promises: promisesOf(operation, document),
    tolerated: [...(inPath.length > 0 ? [404] : []), ...(secured ? [401, 403] : [])],
  };
}

function promisesOf(operation: Json, document: Json): Map<string, string[]> {
  return new Map(
    Object.entries(operation?.responses ?? {}).map(([status, response]) => [
      status.toUpperCase() === 'DEFAULT' ? 'default' : status.toUpperCase(),
      Object.keys(resolved(response, document)?.content ?? {}).map((type) => type.toLowerCase()),
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
