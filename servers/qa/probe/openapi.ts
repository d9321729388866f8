import type { Field, Input } from './types.ts';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const ENCODINGS: Record<string, Input['encoding']> = {
  'application/json': 'json',
  'application/x-www-form-urlencoded': 'form',
  'multipart/form-data': 'multipart',
};
const MOST_INPUTS = 200;

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const object = (value: unknown): Json => (isObject(value) ? value : {});

/** True for what looks like an OpenAPI 3 document. */
export const isOpenApi = (value: unknown): boolean =>
  isObject(value) && 'openapi' in value && isObject(value.paths);

/** The operations of an OpenAPI 3 document (https://spec.openapis.org/oas/v3.1.0), local references resolved. */
export function readOpenApi(document: unknown): Input[] {
  const root = object(document);
  const base = basePath(root);
  const inputs = Object.entries(object(root.paths)).flatMap(([path, item]) =>
    METHODS.filter((method) => isObject(object(item)[method])).map((method) =>
      readOperation(root, base + path, method, object(item)),
    ),
  );
  return inputs.filter(({ path }) => path.startsWith('/')).slice(0, MOST_INPUTS);
}

/** The path of the first server, which all paths stand below; its host is not believed. */
function basePath(root: Json): string {
  const url = String(object(list(root.servers)[0]).url ?? '/');
  return URL.canParse(url, 'http://x') ? new URL(url, 'http://x').pathname.replace(/\/+$/, '') : '';
}

const isGuarded = (root: Json, operation: Json): boolean => {
  const needs = list(operation.security ?? root.security);
  return needs.length > 0 && needs.every((need) => Object.keys(object(need)).length > 0);
};

function readOperation(root: Json, path: string, method: string, item: Json): Input {
  const operation = object(item[method]);
  const parameters = [...list(item.parameters), ...list(operation.parameters)].map((value) =>
    resolve(root, value),
  );
  const fields = parameters
    .filter(({ in: place }) => place === 'path' || place === 'query')
    .map((parameter) =>
      readField(
        root,
        String(parameter.name),
        parameter.in as 'path' | 'query',
        parameter.schema,
        parameter.required === true,
      ),
    );
  const content = object(resolve(root, operation.requestBody).content);
  const type = Object.keys(ENCODINGS).find((name) => isObject(content[name]));
  const about = {
    method: method.toUpperCase(),
    path,
    origin: 'description' as const,
    guarded: isGuarded(root, operation),
    headers: parameters
      .filter(({ in: place }) => place === 'header')
      .map(({ name }) => String(name).toLowerCase()),
  };
  if (!type) return { ...about, encoding: 'none', fields };
  const schema = resolve(root, object(content[type]).schema);
  const required = list(schema.required);
  for (const [name, property] of Object.entries(object(schema.properties))) {
    fields.push(readField(root, name, 'body', property, required.includes(name)));
  }
  return { ...about, encoding: ENCODINGS[type] ?? 'json', fields };
}

function readField(
  root: Json,
  name: string,
  place: Field['place'],
  value: unknown,
  required: boolean,
): Field {
  const schema = resolve(root, value);
  const number = (key: string) => (typeof schema[key] === 'number' ? schema[key] : undefined);
  const options = 'const' in schema ? [schema.const] : list(schema.enum);
  const type = options.length > 0 ? 'choice' : typeOf(schema);
  const named = [schema.example, ...list(schema.examples), schema.default].filter(
    (example) => example !== undefined,
  );
  return {
    name,
    place,
    type,
    pattern: typeof schema.pattern === 'string' ? schema.pattern : undefined,
    examples: type === 'data' && named.length === 0 ? [sample(root, schema, 0)] : named,
    // What only answers hold is sent by nobody who means well (OpenAPI 3.1, Schema Object, `readOnly`).
    required: required && schema.readOnly !== true,
    ...(schema.readOnly === true && { guessed: true }),
    minLength: number('minLength') ?? 0,
    maxLength: number('maxLength'),
    minimum: number('minimum'),
    maximum: number('maximum'),
    options,
  };
}

function typeOf(schema: Json): Field['type'] {
  const type = Array.isArray(schema.type) ? schema.type.find((name) => name !== 'null') : schema.type;
  if (type === 'boolean') return 'boolean';
  if (type === 'array' || type === 'object' || schema.properties !== undefined) return 'data';
  if (type === 'integer' || type === 'number') return 'number';
  if (schema.format === 'email') return 'email';
  if (schema.format === 'uri' || schema.format === 'url') return 'url';
  if (schema.format === 'password') return 'password';
  if (schema.format === 'uuid') return 'uuid';
  return schema.format === 'date' ? 'date' : 'text';
}

/** A value that a nested schema accepts. */
function sample(root: Json, value: unknown, depth: number): unknown {
  const schema = resolve(root, value);
  const named = schema.example ?? schema.default ?? schema.const ?? list(schema.enum)[0];
  if (named !== undefined || depth > 6) return named;
  if (isObject(schema.properties)) {
    return Object.fromEntries(
      Object.entries(schema.properties).map(([name, one]) => [name, sample(root, one, depth + 1)]),
    );
  }
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'array':
      return [sample(root, schema.items, depth + 1)];
    case 'integer':
    case 'number':
      return typeof schema.minimum === 'number' ? schema.minimum : 1;
    case 'boolean':
      return true;
    case 'object':
      return {};
    default:
      return schema.format === 'email'
        ? 'someone@example.com'
        : 'Plain words'.slice(0, Number(schema.maxLength ?? 99));
  }
}

/** Follows `#/…` references, a bounded number of steps. */
function resolve(root: Json, value: unknown): Json {
  let at = object(value);
  for (let step = 0; step < 8 && typeof at.$ref === 'string'; step += 1) {
    const keys = at.$ref.replace(/^#\//, '').split('/');
    at = keys.reduce((place, key) => object(place[key.replaceAll('~1', '/').replaceAll('~0', '~')]), root);
  }
  return at;
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
