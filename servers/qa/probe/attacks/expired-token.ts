import { isGuarding, type Operation, operationsOf } from '../access.ts';
import { isOk } from '../places.ts';
import type { Attack, HttpRequest, Identity, Site } from '../types.ts';
import { NOBODY } from '../types.ts';

const MOST_OPERATIONS = 20;
const JWT = /^(Bearer\s+)?([\w-]+)\.([\w-]+)\.([\w-]*)$/i;

/** An identity whose time is over, or a token whose signature is not its own, is taken for good. */
export const expiredToken: Attack = {
  kind: 'expired-token',
  async run(site) {
    const { users, expired } = site.identities;
    const forged = users[0] ? forgeries(users[0]) : [];
    if (!expired) site.note('expired-token: no expired identity was given.');
    if (!expired && forged.length === 0) return;
    let tried = 0;
    for (const operation of operationsOf(site)) {
      if (tried >= MOST_OPERATIONS) break;
      const build = operation.build(site.tag());
      if (
        !isGuarding(await site.send({ ...build, as: NOBODY })) ||
        !isOk(await site.send(operation.build(site.tag())))
      )
        continue;
      tried += 1;
      const ways = [
        ...(expired ? [{ what: 'an expired identity', headers: expired.headers }] : []),
        ...forged,
      ];
      for (const { what, headers } of ways) {
        const send = (tag: string): HttpRequest => {
          const request = operation.build(tag);
          return { ...request, as: NOBODY, headers: { ...request.headers, ...headers } };
        };
        if (!isOk(await site.send(send(site.tag())))) continue;
        suspect(site, operation, send, what);
        break;
      }
    }
    if (tried === 0)
      site.note('expired-token: nothing was found that refuses strangers and answers the first user.');
  },
};

function suspect(
  site: Site,
  { method, template }: Operation,
  send: (tag: string) => HttpRequest,
  what: string,
): void {
  const where = `${method} ${template}`;
  site.suspect({
    kind: expiredToken.kind,
    severity: 'high',
    title: `${where} takes ${what}`,
    where,
    expects: 'expect([301, 302, 303, 307, 401, 403]).toContain(last.status);',
    experiment: (tag) => ({
      steps: [send(tag)],
      judge: ([answer]) =>
        answer && isOk(answer) ? `${what}: ${answer.status} ${answer.body.slice(0, 150)}` : undefined,
    }),
  });
}

/** The user's JSON Web Token with its time in the past under the old signature, and without any signature. */
function forgeries({ headers }: Identity): { what: string; headers: Record<string, string> }[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const [, scheme = '', head, payload, signature] = JWT.exec(value) ?? [];
    const claims = readJson(payload);
    if (!claims || !readJson(head)) return [];
    const past = encode({ ...claims, iat: 1_000_000_000, exp: 1_000_003_600 });
    return [
      {
        what: 'a token that was changed to be expired',
        headers: { [name]: `${scheme}${head}.${past}.${signature}` },
      },
      {
        what: 'a token without a signature',
        headers: { [name]: `${scheme}${encode({ alg: 'none', typ: 'JWT' })}.${payload}.` },
      },
    ];
  });
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function readJson(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text ?? '', 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
