import { type Place, textPlaces, without } from '../places.ts';
import type { Attack, Exchange, HttpRequest, Site, Suspicion } from '../types.ts';
import { validValues } from '../values.ts';

const SQL_ERROR =
  /D1_ERROR|SQLITE_ERROR|SqliteError|SQLSTATE|unrecognized token|syntax error at or near|near "[^"]*": syntax error|ORA-\d{5}|You have an error in your SQL syntax|unterminated quoted string/i;
const SLOW_MS = 700;

/** A condition put into a query: the same text with true and with false must make no difference. */
type Condition = (base: string, condition: string) => string;
const CONDITIONS: readonly { base: 'own' | 'none'; put: Condition }[] = [
  { base: 'none', put: (base, condition) => `${base}' OR ${condition} -- ` },
  { base: 'none', put: (base, condition) => `${base}') OR ${condition} -- ` },
  { base: 'none', put: (base, condition) => `${base}" OR ${condition} -- ` },
  { base: 'own', put: (base, condition) => `${base}' AND ${condition} -- ` },
  { base: 'own', put: (base, condition) => `${base} AND ${condition}` },
  { base: 'own', put: (base, condition) => `${base} OR ${condition}` },
  { base: 'own', put: (base, condition) => `${base}) OR (${condition}` },
];
const ORDERS: Condition = (_, condition) => `(CASE WHEN ${condition} THEN rowid ELSE -rowid END)`;
const TRUE = ['1=1', '2=2'];
const FALSE = ['1=2', '2=3'];

/** What is sent in becomes part of a query. Told by differences: a quote fails where two do not, true answers unlike false, or it takes long on demand. */
export const sqlInjection: Attack = {
  kind: 'sql-injection',
  async run(site) {
    const done = new Set<string>();
    for (const place of textPlaces(site, ({ type }) => type !== 'date')) {
      const key = `${place.where} ${place.field.name}`;
      if (done.has(key)) continue;
      done.add(key);
      const found =
        (await byError(site, place)) ?? (await byCondition(site, place)) ?? (await byTime(site, place));
      if (found) site.suspect(found);
    }
  },
};

const ownValue = (place: Place, tag: string): string =>
  String(place.field.examples?.[0] ?? validValues(place.input, tag)[place.field.name] ?? '1');

function suspicion(
  place: Place,
  how: string,
  experiment: Suspicion['experiment'],
  expects: string,
): Suspicion {
  return {
    kind: sqlInjection.kind,
    severity: 'critical',
    title: `SQL injection: "${place.field.name}" of ${place.where} ${how}`,
    where: place.where,
    expects,
    experiment,
  };
}

const fails = (answer: Exchange | undefined): boolean =>
  answer !== undefined && (answer.status >= 500 || SQL_ERROR.test(answer.body));

/** One quote breaks it, two in its place do not: the quote reached the query. */
async function byError(site: Site, place: Place): Promise<Suspicion | undefined> {
  const steps = (tag: string): HttpRequest[] =>
    ["'", "''", "'", "''"].map((quote) => place.build(`${ownValue(place, tag)}${quote}`, site.tag()));
  const judge = ([one, two, again, twoAgain]: Exchange[]) =>
    fails(one) && fails(again) && !fails(two) && !fails(twoAgain) && twoAgain
      ? `one quote: ${one?.status} ${one?.body.slice(0, 150)}; two quotes: ${twoAgain.status}`
      : undefined;
  const first = await site.send(steps(site.tag())[0] as HttpRequest);
  if (!fails(first)) return undefined;
  const [, two, again, twoAgain] = steps(site.tag()) as [HttpRequest, HttpRequest, HttpRequest, HttpRequest];
  const rest = [await site.send(two), await site.send(again), await site.send(twoAgain)];
  if (judge([first, ...rest]) === undefined) return undefined;
  const how = 'breaks the query with one quote and not with two';
  return suspicion(
    place,
    how,
    (tag) => ({ steps: steps(tag), judge }),
    'expect(answers.filter(({ status }) => status >= 500)).toEqual([]);',
  );
}

/** True and false, each written in two ways: the answers agree within each and differ between. */
async function byCondition(site: Site, place: Place): Promise<Suspicion | undefined> {
  const isOrder = /sort|order/i.test(place.field.name);
  const attempts = [...CONDITIONS, ...(isOrder ? [{ base: 'own' as const, put: ORDERS }] : [])];
  for (const { base, put } of attempts) {
    const texts = (tag: string) => {
      const value = base === 'own' ? ownValue(place, tag) : tag;
      return [...TRUE, ...FALSE].map((condition) => put(value, condition));
    };
    const steps = (tag: string) => texts(tag).map((text) => place.build(text, tag));
    const judge = (answers: Exchange[], tag: string) => differ(answers, texts(tag));
    const tag = site.tag();
    const [yes, alsoYes, no, alsoNo] = steps(tag) as [HttpRequest, HttpRequest, HttpRequest, HttpRequest];
    const first = await site.send(yes);
    const third = await site.send(no);
    const [yesText = '', , noText = ''] = texts(tag);
    if (first.status === third.status && without(first, yesText) === without(third, noText)) continue;
    const answers = [first, await site.send(alsoYes), third, await site.send(alsoNo)];
    if (judge(answers, tag) === undefined) continue;
    return suspicion(
      place,
      'answers a true condition otherwise than a false one',
      (fresh) => ({ steps: steps(fresh), judge: (all) => judge(all, fresh) }),
      'expect(answers[0].status).toBe(answers[2].status);\n  expect(answers[0].body.length).toBe(answers[2].body.length);',
    );
  }
  return undefined;
}

function differ(answers: Exchange[], texts: string[]): string | undefined {
  const [yes, alsoYes, no, alsoNo] = answers.map(
    (answer, index) =>
      `${answer.status} ${answer.headers.location ?? ''} ${without(answer, texts[index] ?? '')}`,
  );
  if (yes === undefined || yes !== alsoYes || no !== alsoNo || yes === no) return undefined;
  if (answers.some(({ status }) => status === 0 || status >= 500 || status === 429)) return undefined;
  return `true: ${yes.slice(0, 150)} | false: ${no?.slice(0, 150)}`;
}

const HEAVY = [
  (size: string) => `' OR ${size}=LIKE('a',HEX(RANDOMBLOB(${size === '1' ? 1 : 60_000_000}))) -- `,
  (size: string) => `' OR 1=(SELECT 1 FROM pg_sleep(${size === '1' ? 0 : 1.5})) -- `,
];

/** Work put into the query takes its time, twice, and the same without work does not. */
async function byTime(site: Site, place: Place): Promise<Suspicion | undefined> {
  if (place.input.method !== 'GET' && place.input.encoding === 'none') return undefined;
  for (const heavy of HEAVY) {
    const steps = (tag: string) =>
      ['2', '1', '2', '1'].map((size) => place.build(`${tag}${heavy(size)}`, tag));
    const judge = (answers: Exchange[]) => {
      const [slow = 0, quick = 0, alsoSlow = 0, alsoQuick = 0] = answers.map(({ ms }) => ms);
      return Math.min(slow, alsoSlow) > SLOW_MS && Math.min(slow, alsoSlow) > 4 * Math.max(quick, alsoQuick)
        ? `with work ${Math.round(slow)} and ${Math.round(alsoSlow)} ms, without ${Math.round(quick)} and ${Math.round(alsoQuick)} ms`
        : undefined;
    };
    const tag = site.tag();
    const [slow, quick] = steps(tag) as [HttpRequest, HttpRequest];
    const first = await site.send(slow);
    if (first.ms < SLOW_MS || first.ms < 4 * (await site.send(quick)).ms) continue;
    const how = 'takes as long as the query is told to';
    return suspicion(
      place,
      how,
      (fresh) => ({ steps: steps(fresh), judge }),
      'expect(answers.filter(({ status }) => status >= 500)).toEqual([]);',
    );
  }
  return undefined;
}
