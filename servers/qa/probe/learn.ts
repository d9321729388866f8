import { matches } from './access.ts';
import { textField } from './field.ts';
import { inputKey, merged } from './merge.ts';
import { withPeople } from './people.ts';
import { jsonOf, listOf } from './places.ts';
import { taught } from './refusal.ts';
import type { Exchange, Field, HttpRequest, Identities, Input } from './types.ts';
import { pathOf, requestFor, validValues } from './values.ts';

const MOST_TRIES = 5;
/** What a product makes by itself. */
const MADE =
  /^(_?id|uuid|slug|(created|updated|deleted|modified)_?(at|on|by)?|owner(_?id)?|user(_?id)?|author(_?id)?|role|status|version)$/i;

interface Learner {
  send(request: HttpRequest): Promise<Exchange>;
  tag(): string;
  identities: Identities;
}

/** What was learned: the input that takes the place of the one with this key, see `inputKey`. */
export type Learned = ReadonlyMap<string, Input>;

/**
 * Sends each input once as it is known, so that there is data; one that is refused for its form is sent again as the
 * refusal says, a few times, and then as what a GET of the same resource looks like. `read` are answers to GETs.
 */
export async function learn(
  inputs: readonly Input[],
  read: readonly Exchange[],
  { send, tag, identities }: Learner,
): Promise<Learned> {
  const learned = new Map<string, Input>();
  const isTaken = async (input: Input): Promise<Exchange> =>
    send(requestFor(input, validValues(withPeople(input, identities), tag())));
  for (const input of [...inputs, ...asking(read, inputs)]) {
    let now = input;
    let answer = await isTaken(now);
    for (let tries = 0; tries < MOST_TRIES && isForm(answer); tries += 1) {
      const next = taught(now, answer);
      if (!next) break;
      now = next;
      answer = await isTaken(now);
    }
    if (isForm(answer)) {
      const seen = asRead(now, read);
      if (seen && !isForm(await isTaken(seen))) now = seen;
    }
    if (now !== input) learned.set(inputKey(input), now);
  }
  return learned;
}

/** Pages that ask for something in their query, of which nothing was known. */
const asking = (read: readonly Exchange[], inputs: readonly Input[]): Input[] =>
  read
    .filter(({ status, request }) => (status === 400 || status === 422) && !request.path.includes('?'))
    .filter(
      ({ request }) =>
        !inputs.some(({ method, path }) => method === 'GET' && matches(path, pathOf(request.path))),
    )
    .map(({ request }) => ({ method: 'GET', path: request.path, encoding: 'none', fields: [] }));

/** The inputs, each as it was learned, and those that were only learned of. */
export function withLearned(inputs: readonly Input[], learned: Learned): Input[] {
  const known = new Set<string>();
  const found = new Set(inputs.map(inputKey));
  const others = [...learned].filter(([key]) => !found.has(key)).map(([, input]) => input);
  const all = [...inputs, ...others]
    .map((input) => {
      const now = learned.get(inputKey(input));
      return now ? withExamplesOf(now, input) : input;
    })
    .filter((input) => {
      const key = inputKey(input);
      return !known.has(key) && known.add(key);
    });
  return merged(all);
}

/** What discovery found to fill a path with since then. */
const withExamplesOf = (now: Input, found: Input): Input => ({
  ...now,
  fields: now.fields.map((field) => {
    const same = found.fields.find(({ name, place }) => name === field.name && place === field.place);
    return same?.examples?.length && !field.examples?.length ? { ...field, examples: same.examples } : field;
  }),
});

/** Refused for what the request looks like, not for who sends it or what is there. */
const isForm = ({ status }: Exchange): boolean => status === 400 || status === 415 || status === 422;

/** A body like the things that a GET of the same resource shows. */
function asRead(input: Input, read: readonly Exchange[]): Input | undefined {
  if (input.method === 'GET' || input.encoding === 'form' || input.encoding === 'multipart') return undefined;
  const path = pathOf(input.path).replace(/\/\{[^}]*\}$/, '');
  const answer = read.find(
    ({ request, status }) => status === 200 && pathOf(request.path).replace(/\/$/, '') === path,
  );
  const thing =
    answer && (listOf(answer)?.find((one) => typeof one === 'object' && one !== null) ?? jsonOf(answer));
  if (typeof thing !== 'object' || thing === null || Array.isArray(thing)) return undefined;
  const known = new Set(input.fields.map(({ name }) => name));
  const more = Object.entries(thing).filter(([name]) => !known.has(name) && !MADE.test(name));
  if (more.length === 0) return undefined;
  return {
    ...input,
    encoding: 'json',
    fields: [...input.fields, ...more.map(([name, value]) => like(name, value))],
  };
}

const like = (name: string, value: unknown): Field => ({
  ...textField(name, 'body'),
  type:
    typeof value === 'number'
      ? 'number'
      : typeof value === 'boolean'
        ? 'boolean'
        : typeof value === 'object'
          ? 'data'
          : 'text',
  examples: [value],
  guessed: true,
});
