import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { anthropicEvents, anthropicMessage, anthropicRequest } from './anthropic.ts';
import { openaiEvents, openaiRequest } from './openai.ts';
import { type ModelRequest, planFromPrompt, type Script } from './plan.ts';

export interface ScriptedModel {
  /** `http://127.0.0.1:PORT`; Claude Code's ANTHROPIC_BASE_URL, and with `/v1` Codex's base_url. */
  readonly url: string;
  /** Every request so far, oldest first. */
  readonly requests: ModelRequest[];
  close(): Promise<void>;
}

/**
 * A scripted model on loopback, speaking the Anthropic Messages API and the OpenAI Responses API, both as streams.
 * What it says comes from the prompt (see `plan`), or from `script`. A script that throws answers with status 500.
 */
export async function startScriptedModel(script: Script = planFromPrompt): Promise<ScriptedModel> {
  const requests: ModelRequest[] = [];
  let count = 0;
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      if (!response.headersSent) json(response, 500, { type: 'error', error: { message: String(error) } });
      response.destroy();
    });
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = JSON.parse((await bodyOf(request)) || '{}');
    const path = (request.url ?? '').split('?')[0];
    if (path === '/v1/messages/count_tokens') return json(response, 200, { input_tokens: 100 });
    if (path === '/v1/messages') {
      const asked = anthropicRequest(body, request.headers);
      requests.push(asked);
      const message = anthropicMessage(await script(asked), body.model, ++count);
      if (!body.stream) return json(response, 200, message);
      return events(response, anthropicEvents(message));
    }
    if (path === '/v1/responses' && request.method === 'POST') {
      const asked = openaiRequest(body, request.headers);
      requests.push(asked);
      return events(response, openaiEvents(await script(asked), body.model, ++count));
    }
    return json(response, 404, { type: 'error', error: { type: 'not_found_error', message: 'not here' } });
  };
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const raw = Buffer.concat(chunks);
  if (request.headers['content-encoding'] === 'gzip') return gunzipSync(raw).toString();
  if (request.headers['content-encoding'] === 'zstd') return zstdDecompressSync(raw).toString();
  return raw.toString();
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function events(response: ServerResponse, list: { type: string }[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  for (const event of list) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
}
