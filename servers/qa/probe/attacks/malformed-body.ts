import { whereOf } from '../places.ts';
import type { Attack, Exchange, HttpRequest, Input } from '../types.ts';
import { HEADERS, requestFor, summary, validValues } from '../values.ts';

const TYPES: Record<Input['encoding'], string> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data; boundary=x',
  raw: 'application/octet-stream',
  none: '',
};
const BROKEN = [
  '',
  '{',
  '{"a":',
  '[]',
  'null',
  '"text"',
  '{"a":'.repeat(500),
  '--x\r\n',
  '\u0000',
  '%',
  'a=%ff&&=&==',
];
const OTHER_TYPES = ['application/json', 'multipart/form-data', 'text/plain', 'x'];

/** A body that is not what it says it is makes the product fail instead of refuse. */
export const malformedBody: Attack = {
  kind: 'malformed-body',
  async run(site) {
    for (const input of site.surface.inputs.filter(({ encoding }) => encoding !== 'none')) {
      const build = (type: string, body: string): HttpRequest => ({
        method: input.method,
        path: requestFor(input, validValues(input, site.tag())).path,
        headers: { ...HEADERS, 'content-type': type },
        body,
      });
      const own = BROKEN.map((body) => build(TYPES[input.encoding], body));
      const other = OTHER_TYPES.flatMap((type) => ['{', ''].map((body) => build(type, body)));
      const noType: HttpRequest = { ...build('', ''), headers: { ...HEADERS } };
      for (const request of [...own, ...other, noType]) {
        if (!failed(await site.send(request))) continue;
        const where = whereOf(input);
        site.suspect({
          kind: malformedBody.kind,
          severity: 'medium',
          title: `A malformed body ends in a server error: ${where}`,
          where,
          expects: 'expect(last.status).toBeLessThan(500);',
          experiment: () => ({
            steps: [request],
            judge: ([answer]) => (answer && failed(answer) ? summary(answer) : undefined),
          }),
        });
        break;
      }
    }
  },
};

const failed = ({ status }: Exchange): boolean => status === 0 || status >= 500;
