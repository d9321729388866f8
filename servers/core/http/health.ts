import type { ServerResponse } from 'node:http';
import { proveDaemon } from '../daemon.ts';
import type { Services } from '../services.ts';

/**
 * Answers `GET /health`: that this server runs, and to who names an enrolment of this factory with a nonce, a proof
 * that it is this factory's daemon. It states its length, so that a client can go on over the same connection.
 */
export async function answerHealth(
  { store }: Services,
  response: ServerResponse,
  asked: URLSearchParams,
  port: number,
): Promise<void> {
  const proof = await proveDaemon(store.db, asked, port);
  const text = JSON.stringify({ ok: true, ...(proof && { proof }) });
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length }).end(text);
}
