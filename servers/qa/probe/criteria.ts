import * as z from 'zod';
import type { Attack, Exchange, HttpRequest } from './types.ts';
import { HEADERS, pathOf } from './values.ts';

/** An acceptance criterion that one request can decide. */
export const criterion = z.strictObject({
  id: z.string().min(1).max(100),
  text: z.string().min(1).max(1_000).describe('The criterion in words, as the task states it.'),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']).default('GET'),
  path: z.string().startsWith('/').max(2_000),
  headers: z.record(z.string().max(100), z.string().max(1_000)).default({}),
  body: z.string().max(100_000).optional(),
  status: z.int().min(100).max(599).describe('The status it must answer with.'),
  contains: z.string().min(1).max(1_000).optional().describe('Text that the answer must hold.'),
});
export type Criterion = z.infer<typeof criterion>;

/** The criteria as an attack: one that does not hold, twice, is a finding of class `failing-test`. */
export function criteriaAttack(criteria: readonly Criterion[]): Attack {
  return {
    kind: 'criterion',
    async run(site) {
      for (const one of criteria) {
        if (!failure(one, await site.send(requestOf(one)))) continue;
        site.suspect({
          kind: 'failing-test',
          severity: 'critical',
          title: `Acceptance criterion ${one.id} does not hold: ${one.text}`,
          where: `${one.method} ${pathOf(one.path)}`,
          expects: `expect(last.status).toBe(${one.status});`,
          experiment: () => ({
            steps: [requestOf(one)],
            judge: ([answer]) => answer && failure(one, answer),
          }),
        });
      }
    },
  };
}

const requestOf = ({ method, path, headers, body }: Criterion): HttpRequest => ({
  method,
  path,
  headers: { ...HEADERS, ...headers },
  ...(body === undefined ? {} : { body }),
});

function failure({ status, contains }: Criterion, answer: Exchange): string | undefined {
  if (answer.status !== status) return `answered ${answer.status || 'not at all'}, expected ${status}`;
  return contains === undefined || answer.body.includes(contains)
    ? undefined
    : `the answer does not contain "${contains}"`;
}
