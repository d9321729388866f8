import { RESOURCES } from './cloudflare_resource_routes.ts';
import { type CloudflareState, no, type StubAnswer } from './cloudflare_state.ts';
import { WORKERS } from './cloudflare_worker_routes.ts';

/** Answers one call of the API, `METHOD /path` below the account. */
export function answerOf(
  state: CloudflareState,
  call: string,
  query: URLSearchParams,
  body: unknown,
): StubAnswer {
  const [method, path = ''] = call.split(' ');
  for (const [verb, pattern, answer] of [...RESOURCES, ...WORKERS]) {
    const match = verb === method ? pattern.exec(path) : null;
    if (match)
      return answer({ state, query, body: (body ?? {}) as Record<string, unknown>, args: match.slice(1) });
  }
  return no(404, 7003, `Could not route to ${path}, perhaps your object identifier is invalid?`);
}
