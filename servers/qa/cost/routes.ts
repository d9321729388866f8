import { openClient } from '../probe/client.ts';
import { discover } from '../probe/discover.ts';
import { tagSource } from '../probe/tags.ts';
import type { Exchange, HttpRequest, Identities, Input } from '../probe/types.ts';
import { get, pathOf, requestFor, validValues } from '../probe/values.ts';

const MOST_ROUTES = 25;
const REGISTERS = /register|sign-?up|users?$|accounts?$/i;

/** One way to use the product; `build` makes a request that should be accepted, as often as one likes. */
export interface Route {
  where: string;
  build(): HttpRequest;
}

export interface Routes {
  routes: Route[];
  send(request: HttpRequest): Promise<Exchange>;
}

/**
 * The routes of a running product. Whoever can register does so first, so that the routes where one logs in do
 * their whole work. At most 25 routes; each path counts once for its pages.
 */
export async function findRoutes(
  origin: string,
  known: { openapi?: unknown; inputs: readonly Input[]; identities: Identities },
): Promise<Routes> {
  const tag = tagSource(97);
  const client = openClient(origin, {
    budget: () => ({ requests: 20_000, ms: 120_000 }),
    identities: known.identities,
  });
  const surface = await discover(origin, known, client.send);
  const who = tag();
  const hasSecret = ({ fields }: Input) =>
    fields.some(({ type, name }) => type === 'password' || /pass/i.test(name));
  const registers = surface.inputs.filter((input) => hasSecret(input) && REGISTERS.test(input.path));
  for (const input of registers) await client.send(requestFor(input, validValues(input, who)));
  const sent = surface.inputs
    .filter(({ method }) => method !== 'DELETE')
    .map((input) => ({
      where: `${input.method} ${pathOf(input.path)}`,
      build: () =>
        requestFor(input, validValues(input, hasSecret(input) && !registers.includes(input) ? who : tag())),
    }));
  const read = surface.pages.map((page) => ({ where: `GET ${pathOf(page)}`, build: () => get(page) }));
  const seen = new Set<string>();
  const routes = [...sent, ...read].filter(({ where }) => !seen.has(where) && seen.add(where));
  return { routes: routes.slice(0, MOST_ROUTES), send: client.send };
}
