import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

const DIMENSIONS = 256;

export interface EmbeddingServer {
  /** As MILLWRIGHT_EMBEDDINGS_URL has it. */
  readonly url: string;
  readonly texts: string[];
  readonly keys: (string | undefined)[];
  /** What it does from now on instead of answering. */
  failing: undefined | 'hang' | 'refuse' | 'nonsense';
}

/** An endpoint on loopback whose model is a hashed bag of the three-letter pieces of words: the same each time. */
export async function startEmbeddingServer(): Promise<EmbeddingServer> {
  const state: { texts: string[]; keys: (string | undefined)[]; failing: EmbeddingServer['failing'] } = {
    texts: [],
    keys: [],
    failing: undefined,
  };
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    state.keys.push(request.headers.authorization);
    if (state.failing === 'hang') return;
    if (state.failing === 'refuse') {
      response
        .writeHead(401, { 'content-type': 'application/json' })
        .end('{"error":{"message":"bad key s3cret"}}');
      return;
    }
    const { input } = JSON.parse(Buffer.concat(parts).toString('utf8')) as { input: string[] };
    state.texts.push(...input);
    const data =
      state.failing === 'nonsense'
        ? input.map((_, index) => ({ object: 'embedding', index, embedding: [] }))
        : input.map((text, index) => ({ object: 'embedding', index, embedding: placeOf(text) })).reverse();
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        object: 'list',
        data,
        model: 'pieces',
        usage: { prompt_tokens: 1, total_tokens: 1 },
      }),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return Object.assign(state, { url });
}

function placeOf(text: string): number[] {
  const place = new Array<number>(DIMENSIONS).fill(0);
  for (const word of text.toLowerCase().match(/[a-z]+/g) ?? [])
    for (let at = 0; at + 3 <= word.length; at++) {
      const dimension = createHash('md5')
        .update(word.slice(at, at + 3))
        .digest()[0] as number;
      place[dimension] = (place[dimension] ?? 0) + 1;
    }
  return place;
}
