import { isSame, isTurnedAway, resourceOf } from '../access.ts';
import { isOk, whereOf } from '../places.ts';
import { type Shelf, shelvesFor, shelvesOf } from '../shelves.ts';
import { perform } from '../steps.ts';
import type { Exchange, Field, HttpRequest, Identity, Input, Site, Step } from '../types.ts';
import { NOBODY } from '../types.ts';
import { get, requestFor, validValues } from '../values.ts';

const MOST_PAGES = 12;
const NAMES_ONE = /(^|_|[a-z])(id|ref|code|number|key|slug|uuid)$/i;
/** Who receives something has no say in it. */
const RECEIVER = /^(to|recipient|receiver|payee|dest|destination|target|invitee|friend|user|member)/i;

/**
 * One user names in a body what only another has, `{ booking: 17 }` for example, and it is done. `page` lists what is
 * the owner's; the owner looks at it before and after.
 */
export async function byBody(site: Site, owner: Identity, stranger: Identity): Promise<void> {
  const inputs = site.surface.inputs.filter(
    ({ method, fields }) => method !== 'GET' && fields.some(({ place }) => place === 'body'),
  );
  if (!inputs.some(({ fields }) => fields.some(({ name }) => NAMES_ONE.test(name)))) return;
  // What was used up by the attacks before is of no use to show anything.
  await site.reset();
  const own: Shelf[] = [];
  const theirs: Shelf[] = [];
  for (const page of site.surface.pages.slice(0, MOST_PAGES)) {
    const [mine, other] = await site.together([by(owner, get(page)), by(stranger, get(page))]);
    if (!mine || !other || !isOk(mine) || isSame(mine, other)) continue;
    own.push(...shelvesOf(mine));
    theirs.push(...shelvesOf(other));
  }
  for (const input of inputs)
    for (const field of input.fields) {
      const found = target(site, own, theirs, input, field);
      if (found && (await tried(site, input, field, found, owner, stranger))) break;
    }
}

const by = (who: Identity, request: HttpRequest): HttpRequest => ({ ...request, as: who.name });

interface Target {
  page: string;
  value: string | number;
}

/** Something that the owner's list has and the stranger's has not. */
function target(
  { isSpent }: Site,
  own: Shelf[],
  theirs: Shelf[],
  input: Input,
  field: Field,
): Target | undefined {
  if (field.place !== 'body' || RECEIVER.test(field.name) || !NAMES_ONE.test(field.name)) return undefined;
  const shelf = shelvesFor(own, input, field).find(
    ({ page }) => !/^(me|profile|users?|account)$/i.test(resourceOf(page)),
  );
  const known = new Set(theirs.flatMap(({ values }) => values));
  const value =
    shelf?.values.find((one) => !known.has(one) && !isSpent(one)) ??
    shelf?.values.find((one) => !known.has(one));
  return shelf && value !== undefined ? { page: shelf.page, value } : undefined;
}

async function tried(
  site: Site,
  input: Input,
  field: Field,
  { page, value }: Target,
  owner: Identity,
  stranger: Identity,
): Promise<boolean> {
  const act = (tag: string) => requestFor(input, { ...validValues(input, tag), [field.name]: value });
  const steps = (tag: string): Step[] => [
    by(owner, get(page)),
    { ...act(tag), as: NOBODY },
    by(stranger, act(tag)),
    by(owner, get(page)),
  ];
  const judge = ([before, nobody, done, after]: Exchange[]): string | undefined =>
    before && nobody && done && after && isTurnedAway(nobody) && isOk(done) && !isSame(before, after)
      ? `"${stranger.name}" named ${field.name} ${value}, which only "${owner.name}" has, and was answered ${done.status}; "${owner.name}" then saw ${after.body.slice(0, 200)}`
      : undefined;
  // What was done to it already can't be seen to be done again.
  if (site.isSpent(value)) await site.reset();
  const answers: Exchange[] = [];
  for (const step of steps(site.tag())) answers.push(...(await perform(step, answers, site.send)));
  if (judge(answers) === undefined) return false;
  site.suspect({
    kind: 'other-user',
    severity: 'critical',
    title: `${whereOf(input)} lets one user act on what belongs to another, by "${field.name}"`,
    where: whereOf(input),
    needsReset: true,
    expects: 'expect([400, 401, 403, 404, 409, 422]).toContain(answers[2].status);',
    experiment: (tag) => ({ steps: steps(tag), judge }),
  });
  return true;
}
