const ENTRIES_A_REQUEST = 64;
const MOST_NUMBERS = 8_192;
const TIMEOUT_MS = 1_500;
/** What an endpoint gets of one text; models cut longer ones off themselves, or refuse them. */
const LONGEST_TEXT = 4_000;

/** A model behind an endpoint that gives texts a place each. */
export interface Embedder {
  readonly url: string;
  readonly model: string;
  /** A vector for each text, of length 1, in order. Throws `EmbeddingsFault` when the endpoint fails, is late, or gives anything else. */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
}

/** An endpoint that must not or can't be used, in a sentence; nothing in it comes from the endpoint. */
export class EmbeddingsFault extends Error {
  override readonly name = 'EmbeddingsFault';
}

/**
 * The embedder that the environment names by MILLWRIGHT_EMBEDDINGS_URL (the address before `/embeddings`), _MODEL
 * and, where the endpoint wants one, _KEY; undefined without an address. Any OpenAI-compatible endpoint will do.
 * Throws `EmbeddingsFault` without a model, and for an address in the clear that is not this machine's.
 */
export function embedderOf(env: NodeJS.ProcessEnv): Embedder | undefined {
  const {
    MILLWRIGHT_EMBEDDINGS_URL: url,
    MILLWRIGHT_EMBEDDINGS_MODEL: model,
    MILLWRIGHT_EMBEDDINGS_KEY: key,
  } = env;
  if (!url) return undefined;
  if (!model) throw new EmbeddingsFault('MILLWRIGHT_EMBEDDINGS_MODEL names no model.');
  if (!isSafe(url))
    throw new EmbeddingsFault('MILLWRIGHT_EMBEDDINGS_URL is neither https nor an address of this machine.');
  return {
    url,
    model,
    async embed(texts) {
      const vectors: Float32Array[] = [];
      for (let at = 0; at < texts.length; at += ENTRIES_A_REQUEST)
        vectors.push(...(await request(url, model, key, texts.slice(at, at + ENTRIES_A_REQUEST))));
      return vectors;
    },
  };
}

async function request(url: string, model: string, key: string | undefined, texts: readonly string[]) {
  const { OpenAI } = await import('openai');
  const client = new OpenAI({ baseURL: url, apiKey: key || 'none', timeout: TIMEOUT_MS, maxRetries: 0 });
  try {
    const { data } = await client.embeddings.create({
      model,
      input: texts.map((text) => text.slice(0, LONGEST_TEXT).toWellFormed()),
      encoding_format: 'float',
    });
    const vectors = data.toSorted((a, b) => a.index - b.index).map(({ embedding }) => unit(embedding));
    if (vectors.length === texts.length && vectors.every(isVector)) return vectors;
  } catch (error) {
    throw new EmbeddingsFault(
      `The embeddings endpoint gave no answer (${error instanceof Error ? error.constructor.name : 'failed'}).`,
    );
  }
  throw new EmbeddingsFault('The embeddings endpoint gave no vectors.');
}

function unit(numbers: readonly number[]): Float32Array {
  const vector = Float32Array.from(numbers.slice(0, MOST_NUMBERS));
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((number) => number / length);
}

const isVector = (vector: Float32Array) => vector.length > 0 && vector.every(Number.isFinite);

function isSafe(url: string): boolean {
  const parsed = URL.parse(url);
  if (parsed?.protocol === 'https:') return true;
  return parsed?.protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(parsed.hostname);
}
