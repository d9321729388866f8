import { idOf, matches } from '../access.ts';
import { isAccepted, jsonOf, whereOf } from '../places.ts';
import { perform } from '../steps.ts';
import type { Attack, Exchange, HttpRequest, Input, Site, Step } from '../types.ts';
import { get, requestFor, validValues } from '../values.ts';

const AT_ONCE = 10;
const STORES = /balance|credit|stock|remaining|available|points|seats|tickets|inventory|left|quantity/i;
const SPENDS = /amount|quantity|qty|points|credits|seats|tickets|count|value|sum/i;
const ENDS = /log-?out|sign-?out/i;

/** A way to do once what must not be done twice; `round` picks data that no round before has touched. */
interface Trial {
  input: Input;
  first(tag: string, round: number): Step[];
  act(tag: string, round: number): (before: Exchange[]) => HttpRequest;
}

/** What succeeds only once, one after another, succeeds more than once at the same moment. */
export const race: Attack = {
  kind: 'race',
  needsReset: true,
  async run(site) {
    for (const trial of await trials(site)) {
      if (!(await isOnceOnly(site, trial))) continue;
      const isFresh = await site.reset();
      const experiment = (tag: string, round: number) => ({
        steps: [
          ...trial.first(tag, round),
          (before: Exchange[]) => Array<HttpRequest>(AT_ONCE).fill(trial.act(tag, round)(before)),
        ],
        judge: (answers: Exchange[]) => {
          const won = answers.slice(-AT_ONCE).filter(isAccepted).length;
          return won > 1
            ? `${won} of ${AT_ONCE} at the same moment succeeded; one after another only the first does`
            : undefined;
        },
      });
      const { steps, judge } = experiment(site.tag(), isFresh ? 0 : 1);
      const answers: Exchange[] = [];
      for (const step of steps) answers.push(...(await perform(step, answers, site.send)));
      if (judge(answers) === undefined) continue;
      site.suspect({
        kind: race.kind,
        severity: 'high',
        title: `Race: ${whereOf(trial.input)} succeeds more than once when it is asked at the same moment`,
        where: whereOf(trial.input),
        needsReset: true,
        expects: `expect(answers.slice(-${AT_ONCE}).filter(({ status }) => status < 400).length).toBeLessThanOrEqual(1);`,
        experiment: (tag) => experiment(tag, isFresh ? 0 : 2),
      });
    }
  },
};

/** Twice, one after another: the first succeeds and the second is refused for what it is. */
async function isOnceOnly(site: Site, { first, act }: Trial): Promise<boolean> {
  const tag = site.tag();
  const before: Exchange[] = [];
  for (const step of first(tag, 0)) before.push(...(await perform(step, before, site.send)));
  const request = act(tag, 0)(before);
  const one = await site.send(request);
  if (!isAccepted(one)) return false;
  const two = await site.send(request);
  return two.status >= 400 && two.status < 500 && ![401, 404, 415, 429].includes(two.status);
}

async function trials(site: Site): Promise<Trial[]> {
  const { inputs } = site.surface;
  const stores = await amounts(site);
  return inputs
    .filter(({ method, path }) => /^(POST|PATCH|PUT)$/.test(method) && !ENDS.test(path))
    .flatMap((input) => {
      const spent = input.fields.find(
        ({ type, name, place }) =>
          place === 'body' && (type === 'number' || type === 'text') && SPENDS.test(name),
      );
      const plain = trial(site, input, {});
      return [
        plain,
        ...(spent
          ? stores.map((amount) =>
              trial(site, input, {
                [spent.name]: spent.type === 'number' || input.encoding === 'json' ? amount : String(amount),
              }),
            )
          : []),
      ];
    });
}

function trial({ surface, identities }: Site, input: Input, fixed: Record<string, unknown>): Trial {
  const member = input.fields.find(({ place, name }) => place === 'path' && input.path.includes(`{${name}}`));
  const collection = member && input.path.split(`/{${member.name}}`)[0];
  const maker = surface.inputs.find(
    ({ method, path }) => collection !== undefined && method === 'POST' && matches(path, collection),
  );
  const values = (_tag: string, round: number) => ({
    ...Object.fromEntries(
      input.fields.flatMap(({ name, place, examples = [], type }) =>
        examples.length > 1 &&
        (place === 'path' || /code|coupon|voucher|token|key|id$/i.test(name)) &&
        type !== 'choice'
          ? [[name, examples[round % examples.length]]]
          : [],
      ),
    ),
    ...fixed,
    ...(maker && member ? {} : {}),
  });
  const as = (round: number) => {
    const who = identities.users[round % Math.max(1, identities.users.length)];
    return who ? { as: who.name } : {};
  };
  return {
    input,
    first: (tag, round) => (maker ? [{ ...requestFor(maker, validValues(maker, tag)), ...as(round) }] : []),
    act: (tag, round) => (before) => {
      const id = maker && before[0] ? idOf(before[0]) : undefined;
      const own = member && id !== undefined ? { [member.name]: id } : {};
      return {
        ...requestFor(input, { ...validValues(input, tag), ...values(tag, round), ...own }),
        ...as(round),
      };
    },
  };
}

/** How much there is of something, as the product says: an amount that can be spent once. */
async function amounts(site: Site): Promise<number[]> {
  const found = new Set<number>();
  for (const page of site.surface.pages) {
    const walk = (json: unknown, key: string, depth: number): void => {
      if (typeof json === 'number' && json > 0 && STORES.test(key)) found.add(json);
      if (typeof json === 'object' && json !== null && depth < 5)
        for (const [name, value] of Object.entries(json))
          walk(value, Array.isArray(json) ? key : name, depth + 1);
    };
    walk(jsonOf(await site.send(get(page))), '', 0);
  }
  return [...found].slice(0, 3);
}
