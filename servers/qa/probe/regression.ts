import type { Exchange, HttpRequest, Suspicion } from './types.ts';

const LONGEST_BODY = 2_000;

/**
 * A vitest file that sends the requests of a finding again and expects that the defect is gone. The product's
 * address comes from `PRODUCT_URL`; Vite keeps `BASE_URL` for itself. `groups` are the exchanges step by step; those of one step go out at once.
 */
export function regressionTest(
  { kind, title, expects }: Suspicion,
  groups: Exchange[][],
  origin: string,
  evidence: string,
): string {
  const steps = groups.map((group) => `  [${group.map(({ request }) => literal(request)).join(', ')}],`);
  const expectation =
    expects ??
    `expect(answers.map(({ body }) => body).join('\\n')).not.toContain(${JSON.stringify(evidence)});`;
  return `import http from 'node:http';
import https from 'node:https';
import { expect, test } from 'vitest';

const PRODUCT_URL = process.env.PRODUCT_URL ?? ${JSON.stringify(origin)};
const STEPS = [
${steps.join('\n')}
];

/** Over node:http, which sends a path as it is written. */
function send({ method, path, headers, body }) {
  return new Promise((resolve, reject) => {
    const { protocol, hostname, port } = new URL(PRODUCT_URL);
    const request = (protocol === 'https:' ? https : http).request({ hostname, port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: joined(response.headers), body: text }));
    });
    request.on('error', reject).end(body);
  });
}
const joined = (headers) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join('\\n')]));

test(${JSON.stringify(`${kind}: ${title}`.slice(0, 300))}, async () => {
  const answers = [];
  for (const step of STEPS) answers.push(...(await Promise.all(step.map(send))));
  const last = answers.at(-1);
  ${expectation}
});
`;
}

/** A long body is written as one character repeated, which it is. */
function literal({ method, path, headers, body }: HttpRequest): string {
  const parts = { method, path, headers };
  const text = JSON.stringify(parts).slice(0, -1);
  if (body === undefined) return `${text}}`;
  if (body.length <= LONGEST_BODY) return `${text},"body":${JSON.stringify(body)}}`;
  const run = longestRun(body);
  if (!run) return `${text},"body":${JSON.stringify(body.slice(0, LONGEST_BODY))}}`;
  const before = JSON.stringify(body.slice(0, run.from));
  const after = JSON.stringify(body.slice(run.to));
  return `${text},"body":${before} + ${JSON.stringify(body[run.from])}.repeat(${run.to - run.from}) + ${after}}`;
}

function longestRun(text: string): { from: number; to: number } | undefined {
  for (let from = 0; from < text.length; ) {
    let to = from + 1;
    while (text[to] === text[from]) to += 1;
    if (to - from >= LONGEST_BODY / 2) return { from, to };
    from = to;
  }
  return undefined;
}
