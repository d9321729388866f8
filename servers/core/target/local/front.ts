import * as z from 'zod';
import type { Share, VersionNumbers } from '../target.ts';
import { urlOf } from './active.ts';

/** The header that carries an order to a front Worker; its value is a secret of the runtime. */
const CONTROL = 'x-millwright-control';
const PATIENCE_MS = 10_000;
/** So many latencies are kept per version: the newest. */
const SAMPLE = 500;

/**
 * The Worker on a product's port. It gives each request to a version by chance, in the proportion of the split, and
 * counts what came back. The split comes from its variable SHARES and, without a restart, from an order; the
 * versions are bound as the variable VERSIONS says.
 */
export const FRONT = `
const key = '${CONTROL}';
const names = (env) => JSON.parse(env.VERSIONS);
let shares, numbers;
function put(next) {
  shares = next;
  numbers = new Map(next.map(({ version }) => [version, { version, requests: 0, errors: 0, latencyMs: [] }]));
}
function pick() {
  let roll = Math.random() * 100;
  for (const { version, percent } of shares) if ((roll -= percent) < 0) return version;
  return shares[0].version;
}
async function obey(request) {
  if (request.method === 'POST') put(await request.json());
  return Response.json(shares.map(({ version }) => numbers.get(version)));
}
export default {
  async fetch(request, env) {
    if (!shares) put(JSON.parse(env.SHARES));
    if (request.headers.get(key) === env.CONTROL) return obey(request);
    const version = pick();
    const count = numbers.get(version);
    const begun = Date.now();
    let response, failed = true;
    try {
      response = await env[names(env)[version]].fetch(request);
      failed = response.status >= 500;
    } catch {
      response = new Response('The Worker failed.', { status: 500 });
    }
    count.requests += 1;
    count.errors += failed ? 1 : 0;
    count.latencyMs[(count.requests - 1) % ${SAMPLE}] = Date.now() - begun;
    return response;
  },
};`;

const numbersSchema = z.array(
  z.object({
    version: z.string(),
    requests: z.int(),
    errors: z.int(),
    latencyMs: z.array(z.number()),
  }),
);

/** What a front Worker has counted since its split was given to it. */
export const readNumbers = (port: number, control: string): Promise<VersionNumbers[]> =>
  order(port, control, undefined);

/** Gives a front Worker another split of versions that it has bound; its numbers start anew. */
export const giveShares = (port: number, control: string, shares: readonly Share[]) =>
  order(port, control, JSON.stringify(shares));

async function order(port: number, control: string, body: string | undefined): Promise<VersionNumbers[]> {
  const answer = await fetch(urlOf(port), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { [CONTROL]: control },
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...(body !== undefined && { body }),
  });
  return numbersSchema.parse(await answer.json());
}

/** The numbers of one split before and after a restart of its front Worker, together. */
export function addNumbers(
  before: readonly VersionNumbers[],
  now: readonly VersionNumbers[],
): VersionNumbers[] {
  return now.map((one) => {
    const earlier = before.find(({ version }) => version === one.version);
    if (!earlier) return one;
    return {
      version: one.version,
      requests: earlier.requests + one.requests,
      errors: earlier.errors + one.errors,
      latencyMs: [...earlier.latencyMs, ...one.latencyMs].slice(-SAMPLE),
    };
  });
}
