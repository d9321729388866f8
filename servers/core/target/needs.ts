import type { ResourceKind, ResourceSpec, WorkerConfig } from './target.ts';

/** What a person calls each kind of resource. */
export const KINDS: Record<ResourceKind, string> = {
  d1: 'database',
  kv: 'KV namespace',
  r2: 'R2 bucket',
  queue: 'queue',
  worker: 'Worker',
};

/** Every resource that a configuration names, each once: the Worker first, then what it binds. */
export function resourcesOf(config: WorkerConfig): ResourceSpec[] {
  const { name, d1, kv, r2, queues } = config;
  const all: ResourceSpec[] = [
    { kind: 'worker', name },
    ...d1.map(({ database }) => ({ kind: 'd1' as const, name: database })),
    ...kv.map(({ namespace }) => ({ kind: 'kv' as const, name: namespace })),
    ...r2.map(({ bucket }) => ({ kind: 'r2' as const, name: bucket })),
    ...[...queues.producers, ...queues.consumers].map(({ queue }) => ({
      kind: 'queue' as const,
      name: queue,
    })),
  ];
  return all.filter(
    (one, at) => all.findIndex((other) => other.kind === one.kind && other.name === one.name) === at,
  );
}
