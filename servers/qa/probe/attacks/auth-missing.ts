import {
  ADMIN_LIKE,
  isGuarding,
  isSame,
  isTurnedAway,
  type Operation,
  operationsOf,
  resourceOf,
} from '../access.ts';
import { isOk } from '../places.ts';
import type { Attack, Exchange, HttpRequest, Severity, Site } from '../types.ts';
import { NOBODY } from '../types.ts';
import { get, pathOf } from '../values.ts';

const OPEN_BY_NATURE =
  /log-?in|log-?out|sign-?in|sign-?up|register|forgot|reset|public|share|health|status|webhook|callback|\/me$/i;
const GUESSED = ['/admin', '/admin/users', '/api/admin', '/api/admin/users', '/debug', '/internal'];
const LOGIN_PAGE = /type=["']?password|\b(log|sign) ?in\b/i;

/** Who shows no identity gets what others need one for. */
export const authMissing: Attack = {
  kind: 'auth-missing',
  async run(site) {
    const operations = operationsOf(site);
    const tried: { operation: Operation; answer: Exchange }[] = [];
    for (const operation of [...operations.filter(isRead), ...operations.filter((one) => !isRead(one))])
      tried.push({ operation, answer: await site.send(anonymous(operation.build(site.tag()))) });
    const guarded = (resource: string, accepts: (operation: Operation) => boolean) =>
      tried.some(
        ({ operation, answer }) =>
          resourceOf(operation.template) === resource &&
          !/\/me$/.test(operation.template) &&
          accepts(operation) &&
          isGuarding(answer),
      );

    for (const { operation, answer } of tried) {
      const { template, input } = operation;
      if (!isOk(answer) || OPEN_BY_NATURE.test(template)) continue;
      const resource = resourceOf(template);
      if (input?.guarded) suspect(site, operation, 'its description says that it needs an identity');
      else if (
        isRead(operation)
          ? guarded(resource, isRead)
          : operation.method !== 'POST' && guarded(resource, () => true)
      )
        suspect(site, operation, `others below /${resource} need an identity`);
      else if (isRead(operation)) await compare(site, operation, answer);
    }
    const refuses = site.identities.users.length > 0 && tried.some(({ answer }) => isGuarding(answer));
    await adminPages(site, operations, refuses ? 'high' : 'low');
    if (site.identities.users.length === 0)
      site.note(
        'auth-missing: no users were given, so only what refuses strangers elsewhere tells what is guarded.',
      );
  },
};

const isRead = ({ method }: Operation): boolean => method === 'GET';
const anonymous = (request: HttpRequest): HttpRequest => ({ ...request, as: NOBODY });

/** A stranger reads what two users do not share. */
async function compare(site: Site, operation: Operation, answer: Exchange): Promise<void> {
  const [first, second] = site.identities.users;
  if (!first || !second) return;
  const own = await site.send({ ...operation.build(site.tag()), as: first.name });
  if (!isOk(own) || !isSame(own, answer)) return;
  const other = await site.send({ ...operation.build(site.tag()), as: second.name });
  const again = await site.send({ ...operation.build(site.tag()), as: first.name });
  if (isSame(own, again) && (isGuarding(other) || (isOk(other) && !isSame(own, other))))
    suspect(site, operation, `it is what only "${first.name}" should see`);
}

/**
 * Pages for those who run the product, also where nothing leads to them. An address alone says little: only beside
 * routes that refuse strangers it is more than low.
 */
async function adminPages(site: Site, operations: Operation[], severity: Severity): Promise<void> {
  const known = operations
    .filter((one) => isRead(one) && ADMIN_LIKE.test(one.template))
    .map(({ build }) => build('').path);
  const nothing = await site.send(anonymous(get(`/${site.tag()}`)));
  for (const path of new Set([...known, ...GUESSED])) {
    const answer = await site.send(anonymous(get(path)));
    if (!isOk(answer) || LOGIN_PAGE.test(answer.body) || isSame(answer, nothing) || answer.body.trim() === '')
      continue;
    suspect(
      site,
      { method: 'GET', template: pathOf(path), input: undefined, build: () => get(path) },
      'by its address it is for those who run the product',
      severity,
    );
  }
}

function suspect(site: Site, operation: Operation, why: string, severity?: Severity): void {
  const where = `${operation.method} ${operation.template}`;
  site.suspect({
    kind: authMissing.kind,
    severity: severity ?? (isRead(operation) ? 'high' : 'critical'),
    title: `No identity is asked for: ${where}`,
    where,
    expects: 'expect([301, 302, 303, 307, 401, 403, 404]).toContain(last.status);',
    experiment: (tag) => ({
      steps: [anonymous(operation.build(tag))],
      judge: ([answer]) =>
        answer && isOk(answer) && !isTurnedAway(answer)
          ? `${answer.status} without identity; ${why}: ${answer.body.slice(0, 150)}`
          : undefined,
    }),
  });
}
