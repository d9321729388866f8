import { attribute, elementsOf } from '../html.ts';
import { takesAddress, textPlaces } from '../places.ts';
import type { Attack, Exchange, HttpRequest } from '../types.ts';
import { get, pathOf } from '../values.ts';

const HERE = 'http://here.invalid';
const TARGETS: readonly ((tag: string) => string)[] = [
  (tag) => `https://${tag}.example/`,
  (tag) => `//${tag}.example/`,
  (tag) => `/\\${tag}.example/`,
  (tag) => `https:${tag}.example/`,
  (tag) => `https://here.invalid@${tag}.example/`,
];
const PARAMETERS = ['next', 'redirect', 'return_to', 'returnUrl', 'url', 'continue'];
const DOORS = /log-?in|sign-?in|log-?out|sign-?out|auth|redirect|return|continue|\/go\b|\/out\b|\/r\b|\/l\b/i;

/** An address that was sent in, in whatever spelling, is where the answer sends the browser. */
export const openRedirect: Attack = {
  kind: 'open-redirect',
  async run(site) {
    const fields = textPlaces(
      site,
      (field, input) => takesAddress(field) || (input.method === 'GET' && field.place === 'query'),
    );
    const known = fields.map(({ field, where, build }) => ({ from: `"${field.name}"`, where, build }));
    const doors = [...new Set(site.surface.pages.map(pathOf))].filter((page) => DOORS.test(page)).slice(0, 6);
    const guessed = doors.flatMap((page) =>
      PARAMETERS.map((name) => ({
        from: `the parameter "${name}"`,
        where: `GET ${page}`,
        build: (value: unknown): HttpRequest => get(`${page}?${name}=${encodeURIComponent(String(value))}`),
      })),
    );
    for (const { from, where, build } of [...known, ...guessed]) {
      for (const target of TARGETS) {
        const make = (tag: string) => build(target(tag), tag);
        const tag = site.tag();
        if (!leadsTo(await site.send(make(tag)), tag)) continue;
        site.suspect({
          kind: openRedirect.kind,
          severity: 'medium',
          title: `Open redirect: ${from} of ${where} sends the browser to any host`,
          where,
          expects: "expect(last.headers.location ?? '').not.toContain('.example');",
          experiment: (fresh) => ({
            steps: [make(fresh)],
            judge: ([answer]) => answer && leadsTo(answer, fresh),
          }),
        });
        break;
      }
    }
  },
};

function leadsTo(answer: Exchange, tag: string): string | undefined {
  const { status, headers, body } = answer;
  if (status >= 300 && status < 400 && isHost(headers.location, tag)) return `location: ${headers.location}`;
  if (!/\bhtml\b/.test(headers['content-type'] ?? '')) return undefined;
  const refresh = elementsOf(body).find(
    (element) => element.tagName === 'meta' && attribute(element, 'http-equiv')?.toLowerCase() === 'refresh',
  );
  const to = /url\s*=\s*['"]?([^'"\s]+)/i.exec(refresh ? (attribute(refresh, 'content') ?? '') : '')?.[1];
  return isHost(to, tag) ? `meta refresh to ${to}` : undefined;
}

const isHost = (link: string | undefined, tag: string): boolean =>
  link !== undefined && URL.canParse(link, HERE) && new URL(link, HERE).hostname === `${tag}.example`;
