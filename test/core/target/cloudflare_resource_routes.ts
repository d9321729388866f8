import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import {
  hex,
  no,
  now,
  ok,
  page,
  type Request,
  type Route,
  removed,
  type StubAnswer,
} from './cloudflare_state.ts';

export const RESOURCES: Route[] = [
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
