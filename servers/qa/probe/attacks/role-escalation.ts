import { ADMIN_LIKE, isGuarding, membersOf, type Operation, operationsOf, resourceOf } from '../access.ts';
import { isOk } from '../places.ts';
import type { Attack, Exchange, Field, HttpRequest, Input, Site } from '../types.ts';
import { NOBODY } from '../types.ts';
import { get, requestFor, validValues } from '../values.ts';

const RIGHTS = /^(roles?|permissions?|is_?admin|admin|access(_?level)?|rights|privileges?)$/i;

/** What a careless product believes about who somebody is. */
const CLAIMS = {
  'x-role': 'admin',
  'x-user-role': 'admin',
  'x-admin': 'true',
  'x-is-admin': 'true',
  'x-user': 'admin',
  'x-forwarded-user': 'admin',
  cookie: 'role=admin; admin=true; isAdmin=true; is_admin=1',
};

/** A plain user, or nobody at all, does what only those who run the product may do. */
export const roleEscalation: Attack = {
  kind: 'role-escalation',
  async run(site) {
    const operations = operationsOf(site);
    const [user] = site.identities.users;
    const who = user?.name ?? NOBODY;
    const tried: { operation: Operation; answer: Exchange }[] = [];
    for (const operation of operations)
      tried.push({ operation, answer: await site.send({ ...operation.build(site.tag()), as: who }) });
    for (const { operation, answer } of tried) {
      if (user && isOk(answer)) await asUser(site, operation, tried, user.name);
      if (answer.status === 401 || answer.status === 403) await byClaim(site, operation, who);
    }
    if (user) for (const input of site.surface.inputs) await byWriting(site, input, user.name);
    if (!user || !site.identities.admin)
      site.note(
        'role-escalation: a user and an admin are needed to compare what they may do; not both were given.',
      );
  },
};

/** It is the admin's by its address, or by its siblings, which refuse users and not the admin. */
async function asUser(
  site: Site,
  operation: Operation,
  tried: { operation: Operation; answer: Exchange }[],
  user: string,
): Promise<void> {
  const { admin } = site.identities;
  const resource = resourceOf(operation.template);
  const forbidden = tried.find(
    ({ operation: { method, template }, answer }) =>
      answer.status === 403 &&
      resourceOf(template) === resource &&
      (method === 'POST' || method === 'GET') &&
      !template.includes('{'),
  );
  const isByAddress = ADMIN_LIKE.test(operation.template);
  const isBySiblings =
    forbidden !== undefined &&
    /^(PUT|PATCH|DELETE)$/.test(operation.method) &&
    !/\/me(\/|$)/.test(operation.template);
  if (!isByAddress && !isBySiblings) return;
  if (isBySiblings && !isByAddress) {
    if (!admin || !isOk(await site.send({ ...forbidden.operation.build(site.tag()), as: admin.name })))
      return;
  }
  if (!isGuarding(await site.send({ ...operation.build(site.tag()), as: NOBODY }))) return;
  const why = isByAddress
    ? 'its address is for those who run the product'
    : `${forbidden?.operation.method} ${forbidden?.operation.template} is forbidden to users`;
  suspect(
    site,
    operation,
    (tag) => ({ ...operation.build(tag), as: user }),
    `"${user}" does what an admin may; ${why}`,
  );
}

/** A plain user writes who has which role. */
async function byWriting(site: Site, input: Input, user: string): Promise<void> {
  const field = input.fields.find(({ name, place }) => place === 'body' && RIGHTS.test(name));
  if (!field || !/^(POST|PUT|PATCH)$/.test(input.method) || /register|sign-?up/i.test(input.path)) return;
  const value = mightiest(field);
  const named = input.fields.findLast(({ place }) => place === 'path');
  for (const member of named ? membersOf(named.examples) : [undefined]) {
    const build = (tag: string): HttpRequest =>
      requestFor(input, {
        ...validValues(input, tag),
        ...(named && { [named.name]: member }),
        [field.name]: value,
      });
    const nobody = await site.send({ ...build(site.tag()), as: NOBODY });
    const answer = await site.send({ ...build(site.tag()), as: user });
    if (!isGuarding(nobody) || !isOk(answer)) continue;
    const collection = get(input.path.split('/{')[0] || '/');
    const says = (one: Exchange | undefined) =>
      one !== undefined && isOk(one) && one.body.includes(`"${field.name}":${JSON.stringify(value)}`);
    const isSeen = says(answer) || says(await site.send({ ...collection, as: user }));
    if (!isSeen) continue;
    const where = `${input.method} ${input.path}`;
    site.suspect({
      kind: roleEscalation.kind,
      severity: 'critical',
      title: `Role escalation: ${where} lets a user set "${field.name}"`,
      where,
      expects: 'expect([401, 403, 404]).toContain(answers[0].status);',
      experiment: (tag) => ({
        steps: [
          { ...build(tag), as: user },
          { ...collection, as: user },
        ],
        judge: ([done, list]) =>
          done && isOk(done) && (says(done) || says(list))
            ? `"${user}" set ${field.name} to ${JSON.stringify(value)}: ${done.status} ${done.body.slice(0, 150)}`
            : undefined,
      }),
    });
    return;
  }
}

/** The most powerful value on offer. */
function mightiest({ options, type }: Field): unknown {
  if (type === 'boolean') return true;
  const known = options.find((one) => /admin|owner|root|super|chief|head/i.test(String(one)));
  return known ?? options.at(-1) ?? 'admin';
}

/** Refused, until one says oneself that one is an admin. */
async function byClaim(site: Site, operation: Operation, who: string): Promise<void> {
  const build = (tag: string): HttpRequest => {
    const request = operation.build(tag);
    const cookie = site.identities.users.find(({ name }) => name === who)?.headers.cookie;
    const claims = cookie === undefined ? CLAIMS : { ...CLAIMS, cookie: `${cookie}; ${CLAIMS.cookie}` };
    return { ...request, as: who, headers: { ...request.headers, ...claims } };
  };
  if (isOk(await site.send(build(site.tag()))))
    suspect(site, operation, build, 'refused, until the request says that it is of an admin');
}

function suspect(site: Site, operation: Operation, build: (tag: string) => HttpRequest, why: string): void {
  const where = `${operation.method} ${operation.template}`;
  site.suspect({
    kind: roleEscalation.kind,
    severity: 'critical',
    title: `Role escalation: ${where} does not ask who is an admin`,
    where,
    expects: 'expect([401, 403, 404]).toContain(last.status);',
    experiment: (tag) => ({
      steps: [build(tag)],
      judge: ([answer]) =>
        answer && isOk(answer) ? `${why}: ${answer.status} ${answer.body.slice(0, 150)}` : undefined,
    }),
  });
}
