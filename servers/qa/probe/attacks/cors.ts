import type { Attack, Exchange, HttpRequest } from '../types.ts';
import { get, pathOf } from '../values.ts';

const MOST_PLACES = 12;

/** Any other site may read, with the visitor's cookies, what the product answers. */
export const cors: Attack = {
  kind: 'cors',
  async run(site) {
    const paths = [
      ...new Set(
        [
          ...site.surface.pages,
          ...site.surface.inputs.filter(({ path }) => !path.includes('{')).map(({ path }) => path),
        ].map(pathOf),
      ),
    ];
    for (const path of paths.slice(0, MOST_PLACES)) {
      const origins = [(tag: string) => `https://${tag}.example`, () => 'null'];
      for (const originOf of origins) {
        const build = (tag: string, method = 'GET'): HttpRequest => ({
          ...get(path),
          method,
          headers: {
            ...get(path).headers,
            origin: originOf(tag),
            ...(method === 'OPTIONS' ? { 'access-control-request-method': 'POST' } : {}),
          },
        });
        const tag = site.tag();
        for (const method of ['GET', 'OPTIONS']) {
          if (!allows(await site.send(build(tag, method)), originOf(tag))) continue;
          site.suspect({
            kind: cors.kind,
            severity: 'high',
            title: `CORS: every origin may read ${path} with the visitor's credentials`,
            where: `GET ${path}`,
            expects: "expect(last.headers['access-control-allow-credentials'] ?? '').not.toBe('true');",
            experiment: (fresh) => ({
              steps: [build(fresh, method)],
              judge: ([answer]) =>
                answer && allows(answer, originOf(fresh))
                  ? `access-control-allow-origin: ${originOf(fresh)}, access-control-allow-credentials: true`
                  : undefined,
            }),
          });
          break;
        }
      }
    }
  },
};

const allows = ({ headers }: Exchange, origin: string): boolean =>
  headers['access-control-allow-origin'] === origin &&
  headers['access-control-allow-credentials']?.toLowerCase() === 'true';
