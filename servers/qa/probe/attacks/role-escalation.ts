import { ADMIN_LIKE, isGuarding, type Operation, operationsOf, resourceOf } from '../access.ts';
import { isOk } from '../places.ts';
import type { Attack, Exchange, HttpRequest, Site } from '../types.ts';
import { NOBODY } from '../types.ts';

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
