import type { Attack, Exchange } from '../types.ts';
import { pathOf } from '../values.ts';

const policy = ({ headers }: Exchange) => headers['content-security-policy'] ?? '';
const EXPECTED: readonly { name: string; missing(page: Exchange): boolean }[] = [
  { name: 'content-security-policy', missing: (page) => policy(page) === '' },
  {
    name: 'x-content-type-options: nosniff',
    missing: ({ headers }) => headers['x-content-type-options']?.toLowerCase() !== 'nosniff',
  },
  {
    name: 'x-frame-options or frame-ancestors',
    missing: (page) =>
      page.headers['x-frame-options'] === undefined && !policy(page).includes('frame-ancestors'),
  },
  { name: 'referrer-policy', missing: ({ headers }) => headers['referrer-policy'] === undefined },
];

/** A page goes out without a header that limits what an attacker can do with it. One finding a header. */
export const securityHeaders: Attack = {
  kind: 'security-headers',

  observe(exchange) {
    const { request } = exchange;
    const isPage =
      request.method === 'GET' &&
      exchange.status === 200 &&
      /\bhtml\b/.test(exchange.headers['content-type'] ?? '');
    if (!isPage) return [];
    return EXPECTED.filter(({ missing }) => missing(exchange)).map(({ name, missing }) => ({
      kind: securityHeaders.kind,
      severity: 'low',
      title: `Pages go out without ${name}`,
      where: `GET ${pathOf(request.path)}`,
      experiment: () => ({
        steps: [request],
        judge: ([answer]) =>
          answer && missing(answer) ? `headers: ${Object.keys(answer.headers).sort().join(', ')}` : undefined,
      }),
    }));
  },
};
