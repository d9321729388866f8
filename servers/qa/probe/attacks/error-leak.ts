import type { Attack } from '../types.ts';
import { pathOf } from '../values.ts';

const LEAKS: readonly { what: string; sign: RegExp }[] = [
  { what: 'a stack trace', sign: /\n\s+at .{1,200}:\d+:\d+\)?|Traceback \(most recent call last\)/ },
  {
    what: 'a database error',
    sign: /\b(D1_ERROR|SQLITE_[A-Z]{3,}|SqliteError|PostgresError|unrecognized token:|syntax error at or near)/,
  },
];

/** A Worker that throws is answered by the local runtime, with a trace that nobody sees in production. */
const LOCAL_RUNTIME = /\/miniflare\/dist\/src\/workers\//;

/** An error answer tells strangers how the product is built. */
export const errorLeak: Attack = {
  kind: 'error-leak',

  observe({ request, status, body }) {
    if (status < 400 || LOCAL_RUNTIME.test(body)) return [];
    const where = `${request.method} ${pathOf(request.path).slice(0, 200)}`;
    return LEAKS.filter(({ sign }) => sign.test(body)).map(({ what, sign }) => ({
      kind: errorLeak.kind,
      severity: 'high',
      title: `An error answer shows ${what}: ${where}`,
      where,
      experiment: () => ({ steps: [request], judge: ([answer]) => sign.exec(answer?.body ?? '')?.[0] }),
    }));
  },
};
