import type { Attack, Exchange, Severity } from '../types.ts';
import { pathOf, requestFor, validValues } from '../values.ts';

const SESSION_LIKE = /sess|(^|[^a-z])sid($|[^a-z])|auth|token|jwt|login|remember|user|identity|connect\./i;
/** What a script of the page must be able to read is no session. */
const FOR_SCRIPTS = /csrf|xsrf/i;

/** A cookie that says who somebody is goes out without what keeps others from it. */
export const cookie: Attack = {
  kind: 'cookie',

  /** What only somebody who knows a secret is sent can't be seen; the source says how it is sent. */
  async run(site) {
    for (const input of site.surface.inputs) {
      const { openCookie: name, method, path } = input;
      if (name === undefined || /log-?out|sign-?out/i.test(path)) continue;
      const request = requestFor(input, validValues(input, site.tag()));
      if ((await site.send(request)).headers['set-cookie'] !== undefined) continue;
      site.suspect({
        kind: cookie.kind,
        severity: 'medium',
        title: `The cookie "${name}" is sent without HttpOnly, as the source says`,
        where: `${method} ${pathOf(path)}`,
        expects: "expect(last.headers['set-cookie'] ?? 'HttpOnly').toMatch(/httponly/i);",
        experiment: () => ({
          steps: [request],
          judge: () => `the code of ${method} ${pathOf(path)} sets ${name}, and nothing in it says HttpOnly`,
        }),
      });
    }
  },

  observe({ request, headers }) {
    const where = `${request.method} ${pathOf(request.path)}`;
    return weakCookies(headers).map(({ name, missing, severity }) => ({
      kind: cookie.kind,
      severity,
      title: `The cookie "${name}" goes out without ${missing.join(', ')}`,
      where,
      expects: `for (const attribute of ${JSON.stringify(missing)}) expect(last.headers['set-cookie'].toLowerCase()).toContain(attribute.toLowerCase());`,
      experiment: () => ({
        steps: [request],
        judge: ([answer]) => {
          const weak = answer && weakCookies(answer.headers).find((one) => one.name === name);
          return weak && `${name}: without ${weak.missing.join(', ')}`;
        },
      }),
    }));
  },
};

export const isSessionName = (name: string): boolean => SESSION_LIKE.test(name) && !FOR_SCRIPTS.test(name);

function weakCookies(
  headers: Exchange['headers'],
): { name: string; missing: string[]; severity: Severity }[] {
  return (headers['set-cookie'] ?? '').split('\n').flatMap((line) => {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    const has = (attribute: string) => attributes.some((one) => one.toLowerCase().startsWith(attribute));
    const isRemoved = value === '' || has('max-age=0') || has('expires=thu, 01 jan 1970');
    if (!isSessionName(name) || isRemoved) return [];
    const missing = ['HttpOnly', 'Secure', 'SameSite'].filter((attribute) => !has(attribute.toLowerCase()));
    if (missing.length === 0) return [];
    return [{ name, missing, severity: missing.includes('HttpOnly') ? 'medium' : 'low' }];
  });
}
