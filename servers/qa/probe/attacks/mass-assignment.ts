import { matches } from '../access.ts';
import { isAccepted, jsonOf, whereOf } from '../places.ts';
import type { Attack, Exchange, HttpRequest, Input, Site } from '../types.ts';
import { get, requestFor, validValues } from '../values.ts';

type Json = Record<string, unknown>;
const MOST_PAGES = 8;
const MOST_ALONE = 4;
/** What a product decides by itself. */
const PRIVILEGED =
  /^((is_?)?(admin|staff|superuser|verified|approved|paid|premium|moderator|confirmed)|roles?|permissions?|scopes?|balance|credits?|points|plan|tier|price|total|discount|(owner|user|account|tenant)_?id|owner|email_?verified|status|level|grade|rank|limit|quota|allowance|rate|fee|commission|score|reputation|trusted|locked|disabled|suspended|banned|blocked|active|vip|salary|wage|budget)$/i;
/** What everybody has of their own, or nobody sets. */
const ORDINARY = /^(_?id|uuid|slug|age|version|(created|updated)_?(at|on)|timestamp|.*_?count)$/i;
const GUESSED: Json = {
  role: 'admin',
  isAdmin: true,
  is_admin: true,
  admin: true,
  verified: true,
  balance: 987_654,
  credits: 987_654,
  plan: 'enterprise',
};

/** Fields that nobody is asked for are taken over all the same, when somebody sends them. */
export const massAssignment: Attack = {
  kind: 'mass-assignment',
  async run(site) {
    let tried = false;
    for (const input of site.surface.inputs) {
      if (!/^(POST|PUT|PATCH)$/.test(input.method) || input.encoding === 'none') continue;
      tried = (await attackInput(site, input)) || tried;
    }
    if (!tried)
      site.note('mass-assignment: no way to make or change something took the values of the probe.');
  },
};

/** False when the input takes nothing, so that nothing could be seen. */
async function attackInput(site: Site, input: Input): Promise<boolean> {
  const usualTag = site.tag();
  const usual = await site.send(requestFor(input, validValues(input, usualTag)));
  if (!isAccepted(usual)) return false;
  const visits = readers(site, input);
  const before = await look(site, usual, visits, usualTag);
  const all = extrasFor(input, before);
  const own = Object.entries(all).filter(([name]) => !(name in GUESSED));
  // One field that is refused must not hide the next.
  for (const extras of [all, ...own.slice(0, MOST_ALONE).map(([name, value]) => ({ [name]: value }))]) {
    const tag = site.tag();
    const sent = await site.send(withExtras(input, extras, tag));
    if (!isAccepted(sent)) continue;
    const after = await look(site, sent, visits, tag);
    const key = Object.keys(extras).find((name) => taken(name, extras, before, after, tag));
    if (key !== undefined) suspect(site, input, visits, key, extras[key]);
    break;
  }
  return true;
}

function suspect(
  site: Site,
  input: Input,
  visits: ReturnType<typeof readers>,
  key: string,
  value: unknown,
): void {
  site.suspect({
    kind: massAssignment.kind,
    severity: 'high',
    title: `Mass assignment: ${whereOf(input)} takes over "${key}"`,
    where: whereOf(input),
    expects: `expect(answers.map(({ body }) => body).join()).not.toContain(${JSON.stringify(JSON.stringify({ [key]: value }).slice(1, -1))});`,
    experiment: (fresh) => ({
      steps: [
        withExtras(input, { [key]: value }, fresh),
        ...visits.map((visit) => (answers: Exchange[]) => visit(answers[0])),
      ],
      judge: (answers) => {
        const found = objects(answers, fresh).find((one) => String(one[key]) === String(value));
        return (
          found &&
          `sent ${key}: ${JSON.stringify(value)}, and the product now says ${JSON.stringify(found).slice(0, 250)}`
        );
      },
    }),
  });
}

/** The addresses at which one sees what was made: its own, and the pages that answer with JSON. */
function readers({ surface }: Site, input: Input): ((made: Exchange | undefined) => HttpRequest)[] {
  const isNear = (page: string) =>
    page.startsWith(input.path.split('/{')[0] ?? '') || /\/(me|profile|account|users?|whoami)\b/.test(page);
  const pages = surface.pages
    .filter(isNear)
    .slice(0, MOST_PAGES)
    .map((page) => () => get(page));
  const member = surface.inputs.find(
    ({ method, path }) => method === 'GET' && matches(path, `${input.path}/x`),
  );
  const own =
    member &&
    ((made: Exchange | undefined) => {
      const id = made && firstId(jsonOf(made));
      const field = member.fields.find(({ place }) => place === 'path');
      return requestFor(member, {
        ...validValues(member, ''),
        ...(field && id !== undefined ? { [field.name]: id } : {}),
      });
    });
  return own ? [own, ...pages] : pages;
}

async function look(
  site: Site,
  made: Exchange,
  visits: ReturnType<typeof readers>,
  tag: string,
): Promise<Json[]> {
  const answers = [made];
  for (const visit of visits) answers.push(await site.send(visit(made)));
  return objects(answers, tag);
}

/** For each answer the object that the tag is in, or the whole answer where it is one object. */
const objects = (answers: Exchange[], tag: string): Json[] =>
  answers
    .filter(({ status }) => status < 400)
    .flatMap((answer) => {
      const json = jsonOf(answer);
      const found = holder(json, tag) ?? (Array.isArray(json) ? undefined : flat(json));
      return found ? [found] : [];
    });

/** An object with the fields of the objects directly in it. */
const flat = (json: unknown): Json | undefined =>
  typeof json === 'object' && json !== null
    ? Object.assign(
        {},
        json,
        ...Object.values(json).filter((value) => typeof value === 'object' && !Array.isArray(value)),
      )
    : undefined;

function holder(json: unknown, tag: string, depth = 0): Json | undefined {
  if (typeof json !== 'object' || json === null || depth > 4) return undefined;
  if (
    !Array.isArray(json) &&
    Object.values(json).some((value) => typeof value === 'string' && value.toLowerCase().includes(tag))
  )
    return json as Json;
  for (const value of Object.values(json)) {
    const found = holder(value, tag, depth + 1);
    if (found) return found;
  }
  return undefined;
}

function firstId(json: unknown): unknown {
  const object = flat(json);
  return object?.id ?? object?._id ?? object?.uuid ?? object?.slug;
}

/** What to send besides: what the product says about such things and does not ask for, each with another value. */
function extrasFor(input: Input, before: Json[]): Json {
  const asked = new Set(input.fields.filter(({ guessed }) => !guessed).map(({ name }) => name));
  // Whoever changes what is there and is known to take some fields only takes no others.
  const isKnown = /^(PUT|PATCH)$/.test(input.method) && /^(source|description)$/.test(input.origin ?? '');
  const said = before
    .flatMap(Object.entries)
    .filter(
      ([name, value]) =>
        typeof value !== 'object' && (PRIVILEGED.test(name) || (isKnown && isDecided(name, value))),
    );
  const own = said.map(([name, value]): [string, unknown] => [name, otherThan(name, value)]);
  return Object.fromEntries([...Object.entries(GUESSED), ...own].filter(([name]) => !asked.has(name)));
}

/** A switch or a number that a record shows, and that the way to change it does not take. */
const isDecided = (name: string, value: unknown): boolean =>
  (typeof value === 'boolean' || typeof value === 'number') && !ORDINARY.test(name);

function otherThan(name: string, value: unknown): unknown {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return 987_654;
  return /^roles?$/i.test(name) ? 'admin' : 'millwright';
}

const withExtras = (input: Input, extras: Json, tag: string): HttpRequest => {
  const names = [...Object.keys(extras), `unknown_${tag}`];
  const more = names.map((name) => ({
    name,
    place: 'body' as const,
    type: 'text' as const,
    required: false,
    minLength: 0,
    maxLength: undefined,
    minimum: undefined,
    maximum: undefined,
    options: [],
  }));
  const values = { ...validValues(input, tag), ...extras, [`unknown_${tag}`]: 'x' };
  return requestFor({ ...input, fields: [...input.fields, ...more] }, values);
};

/** Ours stands there now and something else did before; a product that keeps whatever it is sent decides nothing by a new name. */
function taken(name: string, extras: Json, before: Json[], after: Json[], tag: string): boolean {
  const said = (all: Json[]) => all.filter((one) => name in one).map((one) => String(one[name]));
  const ours = String(extras[name]);
  if (!said(after).includes(ours) || said(before).includes(ours)) return false;
  return said(before).length > 0 || !after.some((one) => `unknown_${tag}` in one);
}
