import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';

export interface StubAnswer {
  status: number;
  body: unknown;
}

export interface Binding {
  type: string;
  name: string;
  [key: string]: unknown;
}

interface StubVersion {
  id: string;
  tag: string;
  bindings: Binding[];
  files: Record<string, string>;
  annotations: Record<string, string>;
  assets?: object;
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

export const ok = (result: unknown): StubAnswer => ({
  status: 200,
  body: { success: true, errors: [], messages: [], result },
});
export const no = (status: number, code: number, message: string): StubAnswer => ({
  status,
  body: { success: false, errors: [{ code, message }], messages: [], result: null },
});
export const hex = () => randomBytes(16).toString('hex');
export const now = () => new Date().toISOString();

export interface Request {
  state: CloudflareState;
  query: URLSearchParams;
  body: Record<string, unknown>;
  args: string[];
}
export type Route = [method: string, path: RegExp, answer: (request: Request) => StubAnswer];

export const page = (all: unknown[], query: URLSearchParams) => {
  const size = Number(query.get('per_page') ?? 20);
  const first = (Number(query.get('page') ?? 1) - 1) * size;
  return ok(all.slice(first, first + size));
};

export function removed(from: Map<string, unknown>, key: string | undefined): StubAnswer {
  return key !== undefined && from.delete(key) ? ok(null) : no(404, 10013, 'not found');
}
