import type { WorkerConfig } from '../target.ts';

/**
 * The module by which Vercel's Node.js runtime starts a Worker: it makes a `Request` of what Node gets, calls
 * `fetch(request, env, ctx)` with exactly the variables and secrets that the configuration names, and sends the
 * `Response`. Work given to `ctx.waitUntil` is awaited before the function ends.
 */
export const adapterText = (
  main: string,
  { vars, secrets }: Pick<WorkerConfig, 'vars' | 'secrets'>,
): string =>
  `import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import worker from ${JSON.stringify(main)};

const vars = ${JSON.stringify(vars)};
const secrets = ${JSON.stringify(secrets)};
const env = { ...vars, ...Object.fromEntries(secrets.map((name) => [name, process.env[name]])) };

export default async function handler(incoming, outgoing) {
  const waiting = [];
  const ctx = { waitUntil: (work) => void waiting.push(Promise.resolve(work)), passThroughOnException() {} };
  const answer = await worker.fetch(requestOf(incoming), env, ctx);
  outgoing.statusCode = answer.status;
  for (const [name, value] of answer.headers) if (name !== 'set-cookie') outgoing.setHeader(name, value);
  const cookies = answer.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies);
  if (answer.body) await pipeline(Readable.fromWeb(answer.body), outgoing);
  else outgoing.end();
  await Promise.allSettled(waiting);
}

function requestOf(incoming) {
  const { method, url, rawHeaders } = incoming;
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (!rawHeaders[at].startsWith(':')) headers.append(rawHeaders[at], rawHeaders[at + 1]);
  const scheme = incoming.headers['x-forwarded-proto'] ?? 'https';
  const body = method === 'GET' || method === 'HEAD' ? undefined : Readable.toWeb(incoming);
  return new Request(new URL(url, \`\${scheme}://\${incoming.headers.host}\`), { method, headers, body, duplex: 'half' });
}
`;
