import type { ServerResponse } from 'node:http';

/** Answers with one JSON object. */
export function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

/** Not now, but after `seconds`: 429 when the client asks too much, 503 when this server cannot. */
export function replyLater(response: ServerResponse, status: 429 | 503, seconds: number, why: string): void {
  response.setHeader('Retry-After', String(Math.max(1, seconds)));
  reply(response, status, { error: why });
}

/** The answer to a request without a credential, or with one that does not count (RFC 6750, section 3). */
export function replyUnauthorized(response: ServerResponse, why?: string): void {
  const fault = why === undefined ? '' : `, error="invalid_token", error_description="${why}"`;
  response.setHeader('WWW-Authenticate', `Bearer realm="millwright"${fault}`);
  reply(response, 401, { error: why ?? 'no bearer token' });
}
