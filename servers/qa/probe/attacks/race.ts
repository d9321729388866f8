import { idOf, matches, referenceOf } from '../access.ts';
import { isAccepted, whereOf } from '../places.ts';
import { freshOf, type Shelf, shelves, shelvesFor } from '../shelves.ts';
import { perform } from '../steps.ts';
import type { Attack, Exchange, Field, HttpRequest, Input, Site, Step } from '../types.ts';
import { NOBODY } from '../types.ts';
import { get, requestFor, validValues } from '../values.ts';

const AT_ONCE = 10;
/** A moment is not always met: so often it is tried, each time on other data, until more than one succeeds. */
const BURSTS = 5;
const MOST_CHOICES = 4;
const STORES = /balance|credit|stock|remaining|available|points|seats|tickets|inventory|left|quantity/i;
const SPENDS = /amount|quantity|qty|points|credits|seats|tickets|count|value|sum/i;
/** A field that names one thing of many. */
const NAMES_ONE =
  /id$|code|coupon|voucher|token|nonce|ticket|pass$|key|secret|challenge|reference|serial|number$/i;
const ENDS = /log-?out|sign-?out/i;

/** A way to do once what must not be done twice; `round` picks data that no round before has touched. */
interface Trial {
  input: Input;
  /** What it takes is read anew each time, so that one try uses up nothing of the next. */
  isFresh?: boolean;
  first(tag: string, round: number): Step[];
  act(tag: string, round: number): (before: Exchange[]) => HttpRequest;
}

/** What succeeds only once, one after another, succeeds more than once at the same moment. */
export const race: Attack = {
  kind: 'race',
  needsReset: true,
  async run(site) {
    let tried = 0;
    const raced = new Set<string>();
    for (const trial of await trials(site)) {
      if (raced.has(whereOf(trial.input))) continue;
      const isDecidedAtOnce = trial.isFresh && !site.canReset;
      if (!isDecidedAtOnce && !(await isOnceOnly(site, trial))) continue;
      tried += 1;
      const isFresh = isDecidedAtOnce ? false : await site.reset();
      const experiment = (tag: string, round: number) => ({
        steps: [
          ...Array.from({ length: BURSTS }, (_, index) =>
            burst(trial, `${tag}${index || ''}`, round + index),
          ).flat(),
          // Whether it can be done once only shows afterwards, where there is no other try.
          ...(isDecidedAtOnce ? [(before: Exchange[]) => before.at(-1)?.request ?? get('/')] : []),
        ],
        judge: (all: Exchange[]) => {
          const answers = isDecidedAtOnce ? all.slice(0, -1) : all;
          if (isDecidedAtOnce && !isRefusedOnce(all.at(-1), true)) return undefined;
          const won = wonIn(answers);
          return won > 1
            ? `${won} of ${AT_ONCE} at the same moment succeeded; one after another only the first does`
            : undefined;
        },
      });
      const { steps, judge } = experiment(site.tag(), isFresh ? 0 : 1);
      const answers: Exchange[] = [];
      for (const step of steps) answers.push(...(await perform(step, answers, site.send)));
      if (judge(answers) === undefined) continue;
      raced.add(whereOf(trial.input));
      site.suspect({
        kind: race.kind,
        severity: 'critical',
        title: `Race: ${whereOf(trial.input)} succeeds more than once when it is asked at the same moment`,
        where: whereOf(trial.input),
        needsReset: true,
        expects: `expect(answers.slice(-${AT_ONCE}).filter(({ status }) => status < 400).length).toBeLessThanOrEqual(1);`,
        experiment: (tag) => experiment(tag, isFresh ? 0 : 2),
      });
    }
    if (tried === 0)
      site.note('race: nothing was found that succeeds once and is refused when it is done again.');
  },
};

/** What comes first, and then the same at the same moment; nothing once a burst before has proved it. */
function burst(trial: Trial, tag: string, round: number): Step[] {
  let start = 0;
  const unlessProved =
    (make: (before: Exchange[]) => HttpRequest | HttpRequest[]) =>
    (before: Exchange[]): HttpRequest | HttpRequest[] =>
      wonIn(before) > 1 ? [] : make(before);
  const [opening, ...more] = [
    ...trial.first(tag, round),
    // Connections that are open already make the moment the same.
    Array<HttpRequest>(AT_ONCE).fill({ ...get('/'), as: NOBODY }),
  ];
  const sent = (step: Step | undefined, before: Exchange[]) =>
    typeof step === 'function' ? step(before.slice(start)) : (step ?? []);
  return [
    unlessProved((before) => {
      start = before.length;
      return sent(opening, before);
    }),
    ...more.map((step) => unlessProved((before) => sent(step, before))),
    unlessProved((before) => Array<HttpRequest>(AT_ONCE).fill(trial.act(tag, round)(before.slice(start)))),
  ];
}

/** How many of the last burst succeeded, of those that change something. */
const wonIn = (answers: Exchange[]): number =>
  answers.slice(-AT_ONCE).filter((answer) => answer.request.method !== 'GET' && isAccepted(answer)).length;

/** Twice, one after another: the first succeeds and the second is refused for what it is. */
async function isOnceOnly(site: Site, { first, act, isFresh }: Trial): Promise<boolean> {
  const tag = site.tag();
  const before: Exchange[] = [];
  for (const step of first(tag, 0)) before.push(...(await perform(step, before, site.send)));
  const request = act(tag, 0)(before);
  const one = await site.send(request);
  if (!isAccepted(one)) return false;
  const two = await site.send(request);
  return isRefusedOnce(two, isFresh === true);
}

/** Refused for being done already. What was taken from a list may be gone then. */
const isRefusedOnce = (answer: Exchange | undefined, isFresh: boolean): boolean =>
  answer !== undefined &&
  answer.status >= 400 &&
  answer.status < 500 &&
  ![401, 415, 429, ...(isFresh ? [] : [404])].includes(answer.status);

async function trials(site: Site): Promise<Trial[]> {
  const { inputs } = site.surface;
  const shown = await shelves(site);
  const stores = amounts(shown);
  return inputs
    .filter(({ method, path }) => /^(POST|PATCH|PUT)$/.test(method) && !ENDS.test(path))
    .flatMap((input) => {
      const spent = input.fields.find(
        ({ type, name, place }) =>
          place === 'body' && (type === 'number' || type === 'text') && SPENDS.test(name),
      );
      const plain = trial(site, input, {});
      return [
        ...freshTrials(site, input, shown),
        ...(spent
          ? stores.map((amount) =>
              trial(site, input, {
                [spent.name]: spent.type === 'number' || input.encoding === 'json' ? amount : String(amount),
              }),
            )
          : []),
        // Last, for it takes a little of what the others take whole.
        plain,
        ...chosen(site, input),
      ];
    });
}

function trial(
  { surface, identities }: Site,
  input: Input,
  fixed: Record<string, unknown>,
): Trial & { values(tag: string, round: number): Record<string, unknown> } {
  const member = input.fields.find(({ place, name }) => place === 'path' && input.path.includes(`{${name}}`));
  const collection = member && input.path.split(`/{${member.name}}`)[0];
  const maker = surface.inputs.find(
    ({ method, path }) => collection !== undefined && method === 'POST' && matches(path, collection),
  );
  const owner = ownerOf(surface, input);
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
  });
  const as = (round: number) => {
    const who = identities.users[round % Math.max(1, identities.users.length)];
    return who ? { as: who.name } : {};
  };
  return {
    input,
    values: (tag, round) => ({ ...validValues(input, tag), ...values(tag, round) }),
    first: (tag, round) =>
      [maker, owner?.maker].flatMap((one) =>
        one ? [{ ...requestFor(one, validValues(one, tag)), ...as(round) }] : [],
      ),
    act: (tag, round) => (before) => {
      const id = maker && before[0] ? idOf(before[0]) : undefined;
      const made = owner && before[maker ? 1 : 0];
      const reference = made && referenceOf(made);
      const own = {
        ...(member && id !== undefined && { [member.name]: id }),
        ...(owner && reference !== undefined && { [owner.field.name]: reference }),
      };
      return {
        ...requestFor(input, { ...validValues(input, tag), ...values(tag, round), ...own }),
        ...as(round),
      };
    },
  };
}

/** A field of the body that names what another route makes, `wallet` beside `POST /wallets`, and that route. */
function ownerOf({ inputs }: Site['surface'], input: Input): { field: Field; maker: Input } | undefined {
  for (const field of input.fields) {
    if (field.place !== 'body' || (field.type !== 'text' && field.type !== 'number')) continue;
    const base = field.name.replace(/_?(id|name|code|number)$/i, '').toLowerCase();
    const maker = inputs.find(
      (one) =>
        one !== input &&
        one.method === 'POST' &&
        base !== '' &&
        [base, `${base}s`].includes(one.path.split('/').at(-1)?.toLowerCase() ?? ''),
    );
    if (maker) return { field, maker };
  }
  return undefined;
}

/** The other values of a choice, which may cost more, where each try spends what it has made itself. */
function chosen(site: Site, input: Input): Trial[] {
  if (!ownerOf(site.surface, input)) return [];
  return input.fields
    .filter(({ type, place }) => type === 'choice' && place === 'body')
    .flatMap(({ name, options }) =>
      options.slice(1, 1 + MOST_CHOICES).map((option) => trial(site, input, { [name]: option })),
    );
}

/** The same with a value that is read just before, as the same user, and that nothing has used yet. */
function freshTrials(site: Site, input: Input, shown: readonly Shelf[]): Trial[] {
  const plain = trial(site, input, {});
  const fields = input.fields.filter(({ name, place, pattern }) =>
    place === 'body'
      ? pattern !== undefined || NAMES_ONE.test(name)
      : place === 'path' && input.path.includes(`{${name}}`),
  );
  const places = fields.flatMap((field) =>
    shelvesFor(shown, input, field)
      .slice(0, 1)
      .map((shelf) => ({ field, shelf })),
  );
  if (places.length === 0) return [];
  const as = (round: number) => {
    const who = site.identities.users[round % Math.max(1, site.identities.users.length)];
    return who ? { as: who.name } : {};
  };
  return [
    {
      input,
      isFresh: true,
      first: (_tag, round) => places.map(({ shelf }) => ({ ...get(shelf.page), ...as(round) })),
      act: (tag, round) => (before) => {
        const own = places.flatMap(({ field, shelf }, index) => {
          const value = freshOf(site, before[index], shelf.key);
          return value === undefined ? [] : [[field.name, value]];
        });
        const usual = plain.values(tag, round);
        return { ...requestFor(input, { ...usual, ...Object.fromEntries(own) }), ...as(round) };
      },
    },
  ];
}

/** How much there is of something, as the product says: an amount that can be spent once. */
const amounts = (shown: readonly Shelf[]): number[] => {
  const found = shown
    .filter(({ key }) => STORES.test(key))
    .flatMap(({ values }) => values)
    .filter((value) => typeof value === 'number' && value > 0);
  return [...new Set(found as number[])].sort((a, b) => b - a).slice(0, 3);
};
