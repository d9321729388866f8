import { openClient } from '../probe/client.ts';
import { discover } from '../probe/discover.ts';
import { learn, withLearned } from '../probe/learn.ts';
import { tagSource } from '../probe/tags.ts';
import type { Exchange, HttpRequest, Identities, Input } from '../probe/types.ts';
import { get, pathOf, requestFor, validValues } from '../probe/values.ts';

const MOST_ROUTES = 25;
/** Enough that nobody of them signs in so often that they are refused for it. */
const PEOPLE = 12;
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
 * The routes of a running product, with bodies as its refusals teach them. Where one can register, several people do so first and sign in by turns, so that
 * the routes where one logs in do their whole work. At most 25 routes; each path counts once for its pages.
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
  const read: Exchange[] = [];
  const surface = await discover(origin, known, async (request) => {
    const answer = await client.send(request);
    read.push(answer);
    return answer;
  });
  const { identities } = known;
  const learned = await learn(surface.inputs, read, { send: client.send, tag, identities });
  const inputs = withLearned(surface.inputs, learned);
  const hasSecret = ({ fields }: Input) =>
    fields.some(({ type, name }) => type === 'password' || /pass/i.test(name));
  const registers = inputs.filter((input) => hasSecret(input) && REGISTERS.test(input.path));
  const people: string[] = [];
  for (let number = 0; number < PEOPLE && registers.length > 0; number += 1) {
    const who = tag();
    const taken = [];
    for (const input of registers) taken.push(await client.send(requestFor(input, validValues(input, who))));
    if (taken.some(({ status }) => status < 400)) people.push(who);
    else break;
  }
  let turn = 0;
  const somebody = () => people[turn++ % Math.max(1, people.length)] ?? tag();
  const sent = inputs
    .filter(({ method }) => method !== 'DELETE')
    .map((input) => ({
      where: `${input.method} ${pathOf(input.path)}`,
      build: () =>
        requestFor(
          input,
          validValues(input, hasSecret(input) && !registers.includes(input) ? somebody() : tag()),
        ),
    }));
  const pages = surface.pages.map((page) => ({ where: `GET ${pathOf(page)}`, build: () => get(page) }));
  const seen = new Set<string>();
  const routes = [...sent, ...pages].filter(({ where }) => !seen.has(where) && seen.add(where));
  return { routes: routes.slice(0, MOST_ROUTES), send: client.send };
}
