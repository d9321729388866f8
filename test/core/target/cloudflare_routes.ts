import { randomBytes, randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';

export interface StubAnswer {
  status: number;
  body: unknown;
}

interface Binding {
  type: string;
  name: string;
  [key: string]: unknown;
}

export interface StubVersion {
  id: string;
  tag: string;
  bindings: Binding[];
  files: Record<string, string>;
  annotations: Record<string, string>;
}

export interface StubWorker {
  created_on: string;
  versions: StubVersion[];
  /** Newest first. */
  deployments: { id: string; versions: { version_id: string; percentage: number }[] }[];
  subdomain: { enabled: boolean; previews_enabled: boolean };
  schedules: { cron: string }[];
  classes: string[];
}

/** One account. Maps are by name where a name is unique, else by id. */
export interface CloudflareState {
  d1: Map<string, { uuid: string; created_at: string; db: DatabaseSync }>;
  kv: Map<string, string>;
  r2: Map<string, string>;
  queues: Map<string, { id: string; consumers: { consumer_id: string; script: string }[] }>;
  workers: Map<string, StubWorker>;
  zones: { id: string; name: string }[];
  dns: Map<string, { type: string; name: string; content: string; proxied?: boolean; ttl?: number }>;
  domains: Map<string, { id: string; service: string; zone_id: string }>;
  assets: Set<string>;
}

export const freshState = (): CloudflareState => ({
  d1: new Map(),
  kv: new Map(),
  r2: new Map(),
  queues: new Map(),
  workers: new Map(),
  zones: [{ id: 'z'.repeat(32), name: 'example.test' }],
  dns: new Map(),
  domains: new Map(),
  assets: new Set(),
});

const ok = (result: unknown): StubAnswer => ({
  status: 200,
  body: { success: true, errors: [], messages: [], result },
});
const no = (status: number, code: number, message: string): StubAnswer => ({
  status,
  body: { success: false, errors: [{ code, message }], messages: [], result: null },
});
const hex = () => randomBytes(16).toString('hex');
const now = () => new Date().toISOString();
const noWorker = () => no(404, 10007, 'This Worker does not exist on your account.');

interface Request {
  state: CloudflareState;
  query: URLSearchParams;
  body: Record<string, unknown>;
  args: string[];
}
type Route = [method: string, path: RegExp, answer: (request: Request) => StubAnswer];

const page = (all: unknown[], query: URLSearchParams) => {
  const size = Number(query.get('per_page') ?? 20);
  const first = (Number(query.get('page') ?? 1) - 1) * size;
  return ok(all.slice(first, first + size));
};

const RESOURCES: Route[] = [
  [
    'GET',
    /^\/d1\/database$/,
    ({ state, query }) =>
      page(
        [...state.d1].map(([name, one]) => database(name, one)),
        query,
      ),
  ],
  [
    'POST',
    /^\/d1\/database$/,
    ({ state, body }) => {
      const name = String(body.name);
      if (state.d1.has(name)) return no(400, 7502, 'A database with that name already exists');
      const one = { uuid: randomUUID(), created_at: now(), db: new DatabaseSync(':memory:') };
      state.d1.set(name, one);
      return ok(database(name, one));
    },
  ],
  [
    'DELETE',
    /^\/d1\/database\/([^/]+)$/,
    ({ state, args: [id] }) => {
      const found = [...state.d1].find(([, { uuid }]) => uuid === id);
      if (!found) return no(404, 7404, `The database ${id} could not be found`);
      state.d1.delete(found[0]);
      return ok(null);
    },
  ],
  ['POST', /^\/d1\/database\/([^/]+)\/query$/, query],
  [
    'GET',
    /^\/storage\/kv\/namespaces$/,
    ({ state, query }) =>
      page(
        [...state.kv].map(([title, id]) => ({ id, title })),
        query,
      ),
  ],
  [
    'POST',
    /^\/storage\/kv\/namespaces$/,
    ({ state, body }) => {
      const title = String(body.title);
      if (state.kv.has(title))
        return no(400, 10014, 'a namespace with this account ID and title already exists');
      state.kv.set(title, hex());
      return ok({ id: state.kv.get(title), title });
    },
  ],
  [
    'DELETE',
    /^\/storage\/kv\/namespaces\/([^/]+)$/,
    ({ state, args: [id] }) => removed(state.kv, [...state.kv].find(([, one]) => one === id)?.[0]),
  ],
  [
    'GET',
    /^\/r2\/buckets$/,
    ({ state }) => ok({ buckets: [...state.r2].map(([name, creation_date]) => ({ name, creation_date })) }),
  ],
  [
    'POST',
    /^\/r2\/buckets$/,
    ({ state, body }) => {
      const name = String(body.name);
      if (state.r2.has(name))
        return no(409, 10004, 'The bucket you tried to create already exists, and you own it.');
      state.r2.set(name, now());
      return ok({ name, creation_date: state.r2.get(name) });
    },
  ],
  ['DELETE', /^\/r2\/buckets\/([^/]+)$/, ({ state, args: [name] }) => removed(state.r2, name)],
  [
    'GET',
    /^\/queues$/,
    ({ state, query }) =>
      page(
        [...state.queues].map(([queue_name, { id }]) => ({ queue_name, queue_id: id })),
        query,
      ),
  ],
  [
    'POST',
    /^\/queues$/,
    ({ state, body }) => {
      const name = String(body.queue_name);
      if (state.queues.has(name)) return no(409, 11009, 'Queue name is already taken.');
      const one = { id: hex(), consumers: [] };
      state.queues.set(name, one);
      return ok({ queue_name: name, queue_id: one.id });
    },
  ],
  [
    'DELETE',
    /^\/queues\/([^/]+)$/,
    ({ state, args: [id] }) => removed(state.queues, [...state.queues].find(([, one]) => one.id === id)?.[0]),
  ],
  [
    'GET',
    /^\/queues\/([^/]+)\/consumers$/,
    ({ state, args: [id] }) => ok([...state.queues.values()].find((one) => one.id === id)?.consumers ?? []),
  ],
  [
    'POST',
    /^\/queues\/([^/]+)\/consumers$/,
    ({ state, body, args: [id] }) => {
      const queue = [...state.queues.values()].find((one) => one.id === id);
      queue?.consumers.push({ consumer_id: hex(), script: String(body.script_name) });
      return queue ? ok({}) : no(404, 11000, 'Queue not found');
    },
  ],
  ['GET', /^\/zones$/, ({ state, query }) => page(state.zones, query)],
  [
    'GET',
    /^\/zones\/([^/]+)\/dns_records$/,
    ({ state, query }) =>
      page(
        [...state.dns].map(([id, one]) => ({ id, ...one })),
        query,
      ),
  ],
  [
    'POST',
    /^\/zones\/([^/]+)\/dns_records$/,
    ({ state, body }) => {
      const record = body as { type: string; name: string; content: string };
      if (
        [...state.dns.values()].some(
          (one) => one.type === record.type && one.name === record.name && one.content === record.content,
        )
      )
        return no(400, 81058, 'An identical record already exists.');
      const id = hex();
      state.dns.set(id, record);
      return ok({ id, ...record });
    },
  ],
  [
    'PATCH',
    /^\/zones\/([^/]+)\/dns_records\/([^/]+)$/,
    ({ state, body, args: [, id = ''] }) => {
      const found = state.dns.get(id);
      if (!found) return no(404, 81044, 'Record does not exist.');
      return ok({ id, ...Object.assign(found, body) });
    },
  ],
  ['DELETE', /^\/zones\/([^/]+)\/dns_records\/([^/]+)$/, ({ state, args: [, id] }) => removed(state.dns, id)],
  [
    'GET',
    /^\/workers\/domains$/,
    ({ state }) => ok([...state.domains].map(([hostname, one]) => ({ hostname, ...one }))),
  ],
  [
    'PUT',
    /^\/workers\/domains$/,
    ({ state, body }) => {
      const { hostname, service, zone_id } = body as Record<string, string>;
      const one = {
        id: state.domains.get(hostname ?? '')?.id ?? hex(),
        service: service ?? '',
        zone_id: zone_id ?? '',
      };
      state.domains.set(hostname ?? '', one);
      return ok({ hostname, ...one });
    },
  ],
  [
    'DELETE',
    /^\/workers\/domains\/([^/]+)$/,
    ({ state, args: [id] }) =>
      removed(state.domains, [...state.domains].find(([, one]) => one.id === id)?.[0]),
  ],
];

function removed(from: Map<string, unknown>, key: string | undefined): StubAnswer {
  return key !== undefined && from.delete(key) ? ok(null) : no(404, 10013, 'not found');
}

const database = (name: string, { uuid, created_at }: { uuid: string; created_at: string }) => ({
  uuid,
  name,
  created_at,
});

/** As D1 does: all of a query or nothing. */
function query({ state, body, args: [id] }: Request): StubAnswer {
  const found = [...state.d1.values()].find(({ uuid }) => uuid === id);
  if (!found) return no(404, 7404, `The database ${id} could not be found`);
  const sql = String(body.sql);
  try {
    if (/^\s*select/i.test(sql)) return ok([{ success: true, results: found.db.prepare(sql).all() }]);
    found.db.exec('BEGIN');
    found.db.exec(sql);
    found.db.exec('COMMIT');
    return ok([{ success: true, results: [] }]);
  } catch (error) {
    if (found.db.isTransaction) found.db.exec('ROLLBACK');
    return no(400, 7500, `${(error as Error).message}: SQLITE_ERROR`);
  }
}

const WORKERS: Route[] = [
  ['GET', /^\/workers\/subdomain$/, () => ok({ subdomain: 'acme' })],
  [
    'GET',
    /^\/workers\/scripts$/,
    ({ state }) =>
      ok([...state.workers].map(([id, { created_on }]) => ({ id, tag: `tag-${id}`, created_on }))),
  ],
  [
    'GET',
    /^\/workers\/durable_objects\/namespaces$/,
    ({ state, query }) =>
      page(
        [...state.workers].flatMap(([script, one]) => one.classes.map((name) => ({ script, class: name }))),
        query,
      ),
  ],
  ['PUT', /^\/workers\/scripts\/([^/]+)$/, put],
  ['DELETE', /^\/workers\/scripts\/([^/]+)$/, ({ state, args: [name] }) => removed(state.workers, name)],
  [
    'GET',
    /^\/workers\/scripts\/([^/]+)\/versions$/,
    (request) =>
      worker(request, ({ versions }) =>
        ok({ items: [...versions].reverse().slice(0, request.query.get('deployable') ? 100 : 10) }),
      ),
  ],
  [
    'GET',
    /^\/workers\/scripts\/([^/]+)\/versions\/([^/]+)$/,
    (request) =>
      worker(request, ({ versions }) => {
        const found = versions.find(({ id }) => id === request.args[1]);
        return found ? ok(found) : no(404, 10209, 'The requested Worker version could not be found.');
      }),
  ],
  [
    'POST',
    /^\/workers\/scripts\/([^/]+)\/versions$/,
    (request) => worker(request, (one) => added(one, request.body)),
  ],
  [
    'GET',
    /^\/workers\/scripts\/([^/]+)\/deployments$/,
    (request) => worker(request, ({ deployments }) => ok({ deployments })),
  ],
  [
    'POST',
    /^\/workers\/scripts\/([^/]+)\/deployments$/,
    (request) => worker(request, (one) => deploy(one, request.body)),
  ],
  [
    'GET',
    /^\/workers\/scripts\/([^/]+)\/subdomain$/,
    (request) => worker(request, ({ subdomain }) => ok(subdomain)),
  ],
  [
    'POST',
    /^\/workers\/scripts\/([^/]+)\/subdomain$/,
    (request) => worker(request, (one) => ok(Object.assign(one.subdomain, request.body))),
  ],
  [
    'GET',
    /^\/workers\/scripts\/([^/]+)\/schedules$/,
    (request) => worker(request, ({ schedules }) => ok({ schedules })),
  ],
  [
    'PUT',
    /^\/workers\/scripts\/([^/]+)\/schedules$/,
    (request) =>
      worker(request, (one) => {
        one.schedules = request.body as unknown as { cron: string }[];
        return ok({ schedules: one.schedules });
      }),
  ],
  [
    'POST',
    /^\/workers\/scripts\/([^/]+)\/assets-upload-session$/,
    ({ state, body }) => {
      const wanted = Object.values(body.manifest as Record<string, { hash: string }>).map(({ hash }) => hash);
      return ok({
        jwt: 'assets-ticket',
        buckets: [wanted.filter((hash) => !state.assets.has(hash))].filter((one) => one.length > 0),
      });
    },
  ],
  [
    'POST',
    /^\/workers\/assets\/upload$/,
    ({ state, body }) => {
      for (const hash of Object.keys(body)) state.assets.add(hash);
      return ok({ jwt: 'assets-done' });
    },
  ],
];

function worker({ state, args: [name = ''] }: Request, answer: (one: StubWorker) => StubAnswer): StubAnswer {
  const one = state.workers.get(name);
  return one ? answer(one) : noWorker();
}

/** The trap that the target must never step into: it creates, or replaces at once what is served. */
function put({ state, body, args: [name = ''] }: Request): StubAnswer {
  const one = state.workers.get(name) ?? {
    created_on: now(),
    versions: [],
    deployments: [],
    subdomain: { enabled: false, previews_enabled: false },
    schedules: [],
    classes: [],
  };
  state.workers.set(name, one);
  const { metadata } = body as { metadata: { migrations?: { steps: Record<string, string[]>[] } } };
  for (const step of metadata.migrations?.steps ?? []) one.classes.push(...Object.values(step).flat());
  added(one, body);
  const version_id = one.versions.at(-1)?.id ?? '';
  one.deployments.unshift({ id: randomUUID(), versions: [{ version_id, percentage: 100 }] });
  return ok({ id: name, tag: `tag-${name}`, created_on: one.created_on });
}

function added(one: StubWorker, body: Record<string, unknown>): StubAnswer {
  const { metadata, ...files } = body as {
    metadata: { bindings: Binding[]; annotations?: Record<string, string> };
  };
  for (const { type, class_name } of metadata.bindings)
    if (type === 'durable_object_namespace' && !one.classes.includes(String(class_name)))
      return no(400, 10061, `Cannot create binding for class ${class_name} that is not exported or migrated`);
  const annotations = metadata.annotations ?? {};
  const version = {
    id: randomUUID(),
    tag: annotations['workers/tag'] ?? '',
    bindings: metadata.bindings,
    files: files as Record<string, string>,
    annotations,
  };
  one.versions.push(version);
  return ok({ id: version.id, annotations });
}

function deploy(one: StubWorker, body: Record<string, unknown>): StubAnswer {
  const versions = body.versions as { version_id: string; percentage: number }[];
  if (versions.some(({ version_id }) => !one.versions.some(({ id }) => id === version_id)))
    return no(404, 10209, 'version not found');
  if (versions.reduce((sum, { percentage }) => sum + percentage, 0) !== 100)
    return no(400, 10021, 'percentages must total 100');
  const deployment = { id: randomUUID(), versions };
  one.deployments.unshift(deployment);
  return ok(deployment);
}

/** Answers one call of the API, `METHOD /path` below the account. */
export function answerOf(
  state: CloudflareState,
  call: string,
  query: URLSearchParams,
  body: unknown,
): StubAnswer {
  const [method, path = ''] = call.split(' ');
  for (const [verb, pattern, answer] of [...RESOURCES, ...WORKERS]) {
    const match = verb === method ? pattern.exec(path) : null;
    if (match)
      return answer({ state, query, body: (body ?? {}) as Record<string, unknown>, args: match.slice(1) });
  }
  return no(404, 7003, `Could not route to ${path}, perhaps your object identifier is invalid?`);
}
