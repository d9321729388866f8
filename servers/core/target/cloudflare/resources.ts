import * as z from 'zod';
import { findOrMake } from '../find_or_make.ts';
import { ApiRefusal } from '../rest.ts';
import type { Resource, ResourceKind, ResourceSpec } from '../target.ts';
import type { CloudflareClient } from './client.ts';
import { placeholderForm } from './placeholder.ts';

/** How one kind of resource is found, made and removed. */
interface Kind {
  list(client: CloudflareClient): Promise<Resource[]>;
  make(client: CloudflareClient, name: string): Promise<Resource>;
  /** The path that removes the resource. */
  path(resource: Resource): string;
}

const timeOf = (text: string | null | undefined) => (text ? Date.parse(text) || 0 : 0);

const d1 = z
  .object({ uuid: z.string(), name: z.string(), created_at: z.string().nullish() })
  .transform(({ uuid, name, created_at }) => resource('d1', name, uuid, created_at));
const kv = z
  .object({ id: z.string(), title: z.string() })
  .transform(({ id, title }) => resource('kv', title, id, null));
const r2 = z
  .object({ name: z.string(), creation_date: z.string().nullish() })
  .transform(({ name, creation_date }) => resource('r2', name, name, creation_date));
const queue = z
  .object({ queue_id: z.string(), queue_name: z.string(), created_on: z.string().nullish() })
  .transform(({ queue_id, queue_name, created_on }) => resource('queue', queue_name, queue_id, created_on));
const worker = z
  .object({ id: z.string(), tag: z.string().nullish(), created_on: z.string().nullish() })
  .transform(({ id, tag, created_on }) => resource('worker', id, tag ?? id, created_on));

const A = '/accounts/:account';
const post = (path: string, json: unknown) => ({ method: 'POST' as const, path: `${A}${path}`, json });

const KINDS: Record<ResourceKind, Kind> = {
  d1: {
    list: (client) => client.all(d1, `${A}/d1/database`),
    make: (client, name) => client.call(d1, post('/d1/database', { name })),
    path: ({ id }) => `${A}/d1/database/${id}`,
  },
  kv: {
    list: (client) => client.all(kv, `${A}/storage/kv/namespaces`),
    make: (client, name) => client.call(kv, post('/storage/kv/namespaces', { title: name })),
    path: ({ id }) => `${A}/storage/kv/namespaces/${id}`,
  },
  r2: {
    list: listBuckets,
    make: (client, name) => client.call(r2, post('/r2/buckets', { name })),
    path: ({ name }) => `${A}/r2/buckets/${name}`,
  },
  queue: {
    list: (client) => client.all(queue, `${A}/queues`),
    make: (client, name) => client.call(queue, post('/queues', { queue_name: name })),
    path: ({ id }) => `${A}/queues/${id}`,
  },
  worker: {
    list: (client) => client.call(z.array(worker), { method: 'GET', path: `${A}/workers/scripts` }),
    async make(client, name) {
      const path = `${A}/workers/scripts/${name}`;
      return client.call(worker, { method: 'PUT', path, form: placeholderForm([]) });
    },
    path: ({ name }) => `${A}/workers/scripts/${name}`,
  },
};

/** Buckets come by cursor, which is the last name of the page before. */
async function listBuckets(client: CloudflareClient): Promise<Resource[]> {
  const found: Resource[] = [];
  for (let after = ''; ; ) {
    const { buckets } = await client.call(z.object({ buckets: z.array(r2) }), {
      method: 'GET',
      path: `${A}/r2/buckets`,
      query: { per_page: '1000', ...(after && { start_after: after }) },
    });
    found.push(...buckets);
    const last = buckets.at(-1);
    if (buckets.length < 1000 || !last) return found;
    after = last.name;
  }
}

/** Everything of the account, sorted by kind and name. */
export async function listResources(client: CloudflareClient): Promise<Resource[]> {
  const all: Resource[] = [];
  for (const { list } of Object.values(KINDS)) all.push(...(await list(client)));
  const key = ({ kind, name }: ResourceSpec) => `${kind} ${name}`;
  return all.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** What exists of one kind, by name: the ids that bindings need. */
export async function idsOf(client: CloudflareClient, kind: ResourceKind): Promise<Map<string, string>> {
  return new Map((await KINDS[kind].list(client)).map(({ name, id }) => [name, id]));
}

/** Finds a resource by its name, else makes it; one that exists is left as it is. */
export async function ensureResource(
  client: CloudflareClient,
  { kind, name }: ResourceSpec,
): Promise<{ resource: Resource; created: boolean }> {
  const { list, make } = KINDS[kind];
  const find = async () => (await list(client)).find((one) => one.name === name);
  const { value, made } = await findOrMake(find, () => make(client, name));
  return { resource: value, created: made };
}

/** Removes a resource; one that is gone already is fine. */
export async function removeResource(client: CloudflareClient, gone: Resource): Promise<void> {
  const path = KINDS[gone.kind].path(gone);
  await client.call(z.unknown(), { method: 'DELETE', path, repeatable: true }).catch((error: unknown) => {
    if (!(error instanceof ApiRefusal) || error.status !== 404) throw error;
  });
}

function resource(
  kind: ResourceKind,
  name: string,
  id: string,
  createdAt: string | null | undefined,
): Resource {
  return { kind, name, id, createdAt: timeOf(createdAt) };
}
