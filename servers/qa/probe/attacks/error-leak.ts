import type { Attack, Exchange } from '../types.ts';
import { pathOf } from '../values.ts';

const LEAKS: readonly { what: string; sign: RegExp }[] = [
  {
    what: 'a stack trace',
    sign: /\n\s+at .{1,200}:\d+:\d+\)?|\\n\s+at .{1,200}:\d+:\d+|Traceback \(most recent call last\)|goroutine \d+ \[running\]/,
  },
  {
    what: 'a database error',
    sign: /\b(D1_ERROR|SQLITE_[A-Z]{3,}|SqliteError|PostgresError|unrecognized token:|syntax error at or near)/,
  },
  {
    what: 'the text of a query',
    sign: /\b(SELECT\s[^<>]{1,200}\sFROM\s+\w+|INSERT\s+INTO\s+\w+|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s+\w+)/,
  },
  {
    what: 'a path of the server',
    sign: /(?:\/(?:home|Users|usr|var|app|srv|opt|job|workspace|root)\/[\w.-]+|[A-Z]:\\[\w.-]+)[\w./\\-]*\.(?:[cm]?[jt]sx?|py|rb|go|php|java|sqlite3?|db)\b/,
  },
];

/** A Worker that throws is answered by the local runtime, with a trace that nobody sees in production. */
const LOCAL_RUNTIME = /\/miniflare\/dist\/src\/workers\//;

/** An error answer tells strangers how the product is built. */
export const errorLeak: Attack = {
  kind: 'error-leak',

  observe(exchange) {
    const { request, status } = exchange;
    if (status < 400) return [];
    const where = `${request.method} ${pathOf(request.path).slice(0, 200)}`;
    const worst = LEAKS.filter(({ sign }) => leak(exchange, sign)).slice(0, 1);
    return worst.map(({ what, sign }) => ({
      kind: errorLeak.kind,
      severity: 'high',
      title: `An error answer shows ${what}: ${where}`,
      where,
      expects: `expect(last.body).not.toMatch(${sign});`,
      experiment: () => ({ steps: [request], judge: ([answer]) => answer && leak(answer, sign) }),
    }));
  },
};

/** The telling text, unless it is only what was sent, repeated, or the local runtime's own page. */
function leak({ request, body }: Exchange, sign: RegExp): string | undefined {
  if (LOCAL_RUNTIME.test(body)) return undefined;
  const text = sign.exec(body)?.[0];
  if (text === undefined) return undefined;
  const sent = `${request.path} ${request.body ?? ''}`;
  return [
    sent,
    sent
      .replace(/\+/g, ' ')
      .replace(/%[\da-f]{2}/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16))),
  ].some((one) => one.includes(text))
    ? undefined
    : text;
}
