import { hasAuthor, idOf, isSame, isTurnedAway, matches, membersOf, ownerSign } from '../access.ts';
import { isOk, whereOf } from '../places.ts';
import type { Attack, Exchange, Field, HttpRequest, Identity, Input, Site, Step } from '../types.ts';
import { NOBODY } from '../types.ts';
import { get, requestFor, validValues } from '../values.ts';
import { byBody } from './other-user-body.ts';

const MOST_TRIED = 5;

/** One user reads, changes or removes what belongs to another, by its id. */
export const otherUser: Attack = {
  kind: 'other-user',
  async run(site) {
    const [first, second] = site.identities.users;
    if (!first || !second)
      return site.note(
        'other-user: two users are needed to see what they can do to each other; none were given.',
      );
    const targets = site.surface.inputs.flatMap((input) => {
      const field = input.fields.find(
        ({ name, place }) =>
          (place === 'path' && input.path.includes(`{${name}}`)) ||
          (place === 'query' && /(^|_|[a-z])(id|user|account|owner|customer)$/i.test(name)),
      );
      return field ? [{ input, field }] : [];
    });
    if (targets.length === 0) site.note('other-user: no address with an id of something is known.');
    for (const { input, field } of targets) {
      for (const [owner, stranger] of [
        [first, second],
        [second, first],
      ] as const) {
        const found =
          input.method === 'GET'
            ? await read(site, input, field, owner, stranger)
            : await write(site, input, field, owner, stranger);
        if (found) break;
      }
    }
    await byBody(site, first, second);
  },
};

const by = (who: Identity, request: HttpRequest): HttpRequest => ({ ...request, as: who.name });
const collectionOf = (input: Input, field: Field): string => input.path.split(`/{${field.name}}`)[0] ?? '';

/** Ids that the owner may know: of what they made now, of lists, and the usual first ones. */
async function idsOf(
  site: Site,
  input: Input,
  field: Field,
  owner: Identity,
): Promise<{ id: unknown; isMade: boolean }[]> {
  const make = create(site, collectionOf(input, field));
  const made = make && idOf(await site.send(by(owner, make(site.tag()))));
  const known = [...new Set([...membersOf(field.examples), '1', '2', '3'].map(String))].slice(0, MOST_TRIED);
  return [
    ...(made === undefined ? [] : [{ id: made, isMade: true }]),
    ...known.map((id) => ({ id, isMade: false })),
  ];
}

/** How a member of a collection is made. */
function create({ surface }: Site, collection: string): ((tag: string) => HttpRequest) | undefined {
  const input = surface.inputs.find(({ method, path }) => method === 'POST' && matches(path, collection));
  return input && ((tag) => requestFor(input, validValues(input, tag)));
}

async function read(
  site: Site,
  input: Input,
  field: Field,
  owner: Identity,
  stranger: Identity,
): Promise<boolean> {
  const list = await site.send(by(stranger, get(collectionOf(input, field) || '/')));
  const ownList = await site.send(by(owner, get(collectionOf(input, field) || '/')));
  const isOwnList = isOk(list) && isOk(ownList) && !isSame(list, ownList);
  const make = create(site, collectionOf(input, field));
  for (const { id, isMade } of await idsOf(site, input, field, owner)) {
    const request = requestFor(input, { ...validValues(input, site.tag()), [field.name]: id });
    const own = await site.send(by(owner, request));
    if (!isOk(own) || own.body.length < 3) continue;
    const other = await site.send(by(stranger, request));
    if (!isOk(other) || !isSame(own, other)) continue;
    if (!isTurnedAway(await site.send({ ...request, as: NOBODY }))) continue;
    const isUnlisted = isOwnList && isIn(ownList, id) && !isIn(list, id);
    const why = isUnlisted
      ? `the list of "${stranger.name}" does not have it`
      : belongs(own, owner, stranger, isMade ? request.path : '');
    if (why === undefined) continue;
    site.suspect({
      kind: otherUser.kind,
      severity: 'critical',
      title: `${whereOf(input)} shows one user what belongs to another`,
      where: whereOf(input),
      expects: 'expect([401, 403, 404]).toContain(last.status);',
      experiment: (tag) => {
        const ask = (answers: Exchange[]) => {
          const own = isMade && answers[0] ? idOf(answers[0]) : id;
          return requestFor(input, { ...validValues(input, tag), [field.name]: own ?? id });
        };
        return {
          steps: [
            ...(isMade && make ? [by(owner, make(tag))] : []),
            (answers) => by(owner, ask(answers)),
            (answers) => by(stranger, ask(answers)),
          ],
          judge: (answers) => {
            const [mine, theirs] = answers.slice(-2);
            return mine && theirs && isOk(theirs) && isSame(mine, theirs)
              ? `"${stranger.name}" reads what is "${owner.name}"'s (${why}): ${theirs.body.slice(0, 200)}`
              : undefined;
          },
        };
      },
    });
    return true;
  }
  return false;
}

const isIn = ({ body }: Exchange, id: unknown): boolean =>
  new RegExp(`[:"/]\\s*"?${String(id).replace(/[^\w-]/g, '\\$&')}["/,}\\]]`).test(body);

/** Why the owner and not the stranger: their name in it, or signs that it is anybody's own. */
function belongs(answer: Exchange, owner: Identity, stranger: Identity, path: string): string | undefined {
  const names = (who: Identity) => answer.body.toLowerCase().includes(who.name.toLowerCase());
  if (names(stranger) && !names(owner)) return undefined;
  return ownerSign(answer, path);
}

async function write(
  site: Site,
  input: Input,
  field: Field,
  owner: Identity,
  stranger: Identity,
): Promise<boolean> {
  if (field.place !== 'path' || !/^(PUT|PATCH|DELETE|POST)$/.test(input.method)) return false;
  const template = `${collectionOf(input, field)}/{${field.name}}`;
  const make = create(site, collectionOf(input, field));
  const reader = site.surface.inputs.find(
    ({ method, path }) =>
      method === 'GET' && path.replace(/\{[^}]*\}/g, '{}') === template.replace(/\{[^}]*\}/g, '{}'),
  );
  const known = await idsOf(site, input, field, owner);
  const lists = [owner, stranger].map((who) => by(who, get(collectionOf(input, field) || '/')));
  const [ownList, list] = await site.together(lists);
  const isUnlisted = (id: unknown) =>
    ownList !== undefined && list !== undefined && isOk(ownList) && isIn(ownList, id) && !isIn(list, id);
  const action = (id: unknown, tag: string) =>
    requestFor(input, { ...validValues(input, `${tag}b`), [field.name]: id });
  const show = (id: unknown) => get(template.replace(`{${field.name}}`, encodeURIComponent(String(id))));
  const isMade = known[0]?.isMade === true;
  for (const { id } of isMade ? known.slice(0, 1) : known) {
    const fresh = isMade && make !== undefined;
    const steps = (tag: string): Step[] => {
      const target = (before: Exchange[]) => (fresh ? before[0] && idOf(before[0]) : undefined) ?? id;
      return [
        fresh ? by(owner, make(tag)) : by(owner, show(id)),
        (before) => by(owner, show(target(before))),
        (before) => ({ ...action(target(before), tag), as: NOBODY }),
        (before) => by(stranger, action(target(before), tag)),
        (before) => by(owner, show(target(before))),
      ];
    };
    const judge = (answers: Exchange[]) => changed(answers, reader !== undefined, stranger, isUnlisted(id));
    const answers: Exchange[] = [];
    for (const step of steps(site.tag()))
      answers.push(
        ...(await Promise.all([typeof step === 'function' ? step(answers) : step].flat().map(site.send))),
      );
    if (judge(answers) === undefined) continue;
    site.suspect({
      kind: otherUser.kind,
      severity: 'critical',
      title: `${whereOf(input)} lets one user change what belongs to another`,
      where: whereOf(input),
      needsReset: !fresh,
      expects: 'expect([401, 403, 404]).toContain(answers[3].status);',
      experiment: (tag) => ({ steps: steps(tag), judge }),
    });
    return true;
  }
  return false;
}

/** The owner could see it, a stranger without identity was turned away, another user was not, and it is changed. */
function changed(
  [, before, nobody, act, after]: Exchange[],
  isReadable: boolean,
  stranger: Identity,
  isUnlisted: boolean,
): string | undefined {
  if (
    !before ||
    !nobody ||
    !act ||
    !after ||
    !isTurnedAway(nobody) ||
    !(act.status >= 200 && act.status < 300)
  )
    return undefined;
  const isOwned = isReadable
    ? isOk(before) &&
      !isSame(before, after) &&
      (isUnlisted || hasAuthor(before) || ownerSign(before, before.request.path) !== undefined)
    : isUnlisted || ownerSign(act, act.request.path) !== undefined;
  return isOwned
    ? `"${stranger.name}" was answered ${act.status}; the owner saw ${before.body.slice(0, 100)} and then ${after.status} ${after.body.slice(0, 100)}`
    : undefined;
}
