import { type DialectAdapter, sql } from 'kysely';
import type { Db, Store } from '../../core/store/store.ts';
import type { Embedder } from './embeddings.ts';
import { type Scope, within } from './scope.ts';

/** Of more entries than this, the newest in scope are compared: each is read and multiplied. */
const MOST_COMPARED = 20_000;
const MOST_KEPT = 50_000;
const PAGE = 500;

/** Vectors never change, so that a process keeps those it has read of a store, by model and entry. */
const kept = new WeakMap<DialectAdapter, Map<string, Float32Array>>();

export interface Near {
  readonly id: number;
  /** Cosine, -1 to 1. */
  readonly nearness: number;
}

/** Gives a vector to entries that have none under this model, the newest first, at most `most`. Gives how many. */
export async function embedMissing(store: Store, embedder: Embedder, most: number): Promise<number> {
  const missing = await store.db
    .selectFrom('memories')
    .leftJoin('memory_vectors', (join) =>
      join.onRef('memory_vectors.memory', '=', 'memories.id').on('memory_vectors.model', '=', embedder.model),
    )
    .select(['memories.id', 'text', 'aliases'])
    .where('memory_vectors.memory', 'is', null)
    .where('valid_to', 'is', null)
    .where('private', '=', 0)
    .orderBy('memories.id', 'desc')
    .limit(most)
    .execute();
  if (missing.length === 0) return 0;
  const vectors = await embedder.embed(missing.map(({ text, aliases }) => `${text}\n${aliases}`.trim()));
  const rows = missing.flatMap(({ id }, at) => {
    const vector = vectors[at];
    return vector ? [{ memory: id, model: embedder.model, vector: encoded(vector) }] : [];
  });
  await store.transaction(async (tx) => {
    await tx
      .insertInto('memory_vectors')
      .values(rows)
      .onConflict((at) => at.columns(['memory', 'model']).doNothing())
      .execute();
  });
  return rows.length;
}

/** The entries in scope that lie nearest to a question, the nearest first. */
export async function nearest(
  db: Db,
  { model }: Embedder,
  question: Float32Array,
  scope: Scope,
  limit: number,
): Promise<Near[]> {
  const { rows } = await sql<{ id: number }>`
    select memories.id from memory_vectors join memories on memories.id = memory_vectors.memory
    where memory_vectors.model = ${model} and ${within(scope)}
    order by memories.id desc limit ${MOST_COMPARED}`.execute(db);
  const vectors = await readVectors(
    db,
    model,
    rows.map(({ id }) => id),
  );
  return rows
    .map(({ id }) => ({ id, nearness: product(question, vectors.get(`${model} ${id}`)) }))
    .sort((a, b) => b.nearness - a.nearness)
    .slice(0, limit);
}

async function readVectors(db: Db, model: string, ids: readonly number[]) {
  const { adapter } = db.getExecutor();
  const before = kept.get(adapter);
  const vectors = before && before.size <= MOST_KEPT ? before : new Map<string, Float32Array>();
  kept.set(adapter, vectors);
  const unread = ids.filter((id) => !vectors.has(`${model} ${id}`));
  for (let at = 0; at < unread.length; at += PAGE)
    for (const { memory, vector } of await vectorsOf(db, model, unread.slice(at, at + PAGE)))
      vectors.set(`${model} ${memory}`, decoded(vector));
  return vectors;
}

const vectorsOf = (db: Db, model: string, ids: readonly number[]) =>
  db
    .selectFrom('memory_vectors')
    .select(['memory', 'vector'])
    .where('model', '=', model)
    .where('memory', 'in', ids)
    .execute();

/** Vectors of another length come from a model that was exchanged under its name: they lie nowhere near. */
function product(a: Float32Array, b: Float32Array | undefined): number {
  if (a.length !== b?.length) return -1;
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number);
  return sum;
}

/** Little-endian 32-bit floats in base64. */
function encoded(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((number, at) => {
    bytes.writeFloatLE(number, at * 4);
  });
  return bytes.toString('base64');
}

function decoded(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4));
}
