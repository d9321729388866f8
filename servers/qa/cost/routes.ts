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
/** Where a secret is checked or changed; anywhere else that takes one, one becomes somebody. */
const USES_SECRET =
  /log-?(in|out)|sign-?(in|out)|sessions?$|auth|token|pass(word)?|reset|verify|unlock|change/i;

/** One way to use the product; `build` makes a request that should be accepted, as often as one likes. */
export interface Route {
  where: string;
  build(): HttpRequest;
}

export interface Routes {
  routes: Route[];
  send(request: HttpRequest): Promise<Exchange>;
  /**
   * Other people register, who sign in from here on, each from an address of their own: what limits tries by name or
   * by address begins anew for them.
   */
  renew(): Promise<void>;
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
  const registers = inputs.filter(
    (input) =>
      input.method === 'POST' &&
      hasSecret(input) &&
      (REGISTERS.test(input.path) || !USES_SECRET.test(input.path)),
  );
  let address = 0;
  let turn = 0;
  const send = (request: HttpRequest) =>
    client.send(
      address === 0 ? request : { ...request, headers: { ...request.headers, ...from(address++) } },
    );
  let people = await registered(registers, tag, send);
  const somebody = () => people[turn++ % Math.max(1, people.length)] ?? {};
  const sent = inputs
    .filter(({ method }) => method !== 'DELETE')
    .map((input) => ({
      where: `${input.method} ${pathOf(input.path)}`,
      build: () => {
        const signsIn = hasSecret(input) && !registers.includes(input);
        return requestFor(input, { ...validValues(input, tag()), ...(signsIn && somebody()) });
      },
    }));
  const pages = surface.pages.map((page) => ({ where: `GET ${pathOf(page)}`, build: () => get(page) }));
  const seen = new Set<string>();
  const routes = [...sent, ...pages].filter(({ where }) => !seen.has(where) && seen.add(where));
  return {
    routes: routes.slice(0, MOST_ROUTES),
    send,
    async renew() {
      address += 1;
      const others = await registered(registers, tag, send);
      if (others.length > 0) people = others;
    },
  };
}

/** What people registered with, where one can; they sign in with the same. */
async function registered(
  registers: readonly Input[],
  tag: () => string,
  send: Routes['send'],
): Promise<Record<string, unknown>[]> {
  const people: Record<string, unknown>[] = [];
  for (let number = 0; number < PEOPLE && registers.length > 0; number += 1) {
    const who = tag();
    const taken: Record<string, unknown>[] = [];
    for (const input of registers) {
      const values = validValues(input, who);
      if ((await send(requestFor(input, values))).status < 400) taken.push(values);
    }
    if (taken.length === 0) break;
    people.push(Object.assign({}, ...taken));
  }
  return people;
}

/** The platform tells a Worker by these where a request comes from; the addresses are those of documentation (RFC 5737). */
function from(number: number): Record<string, string> {
  const address = `203.0.113.${1 + (number % 250)}`;
  return { 'cf-connecting-ip': address, 'x-forwarded-for': address, 'x-real-ip': address };
}
