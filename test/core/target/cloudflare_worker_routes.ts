import { randomUUID } from 'node:crypto';
import {
  type Binding,
  no,
  now,
  ok,
  page,
  type Request,
  type Route,
  removed,
  type StubAnswer,
  type StubWorker,
} from './cloudflare_state.ts';

const noWorker = () => no(404, 10007, 'This Worker does not exist on your account.');

export const WORKERS: Route[] = [
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
    metadata: { bindings: Binding[]; annotations?: Record<string, string>; assets?: { config: object } };
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
    ...(metadata.assets && { assets: metadata.assets.config }),
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
