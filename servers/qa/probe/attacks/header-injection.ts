import type { Attack, Exchange, HttpRequest } from '../types.ts';
import { pathOf, requestFor, validValues } from '../values.ts';

/** A line break in what is sent in starts a header of the attacker's in the answer. */
export const headerInjection: Attack = {
  kind: 'header-injection',
  async run(site) {
    for (const input of site.surface.inputs) {
      for (const field of input.fields) {
        const build = (tag: string): HttpRequest =>
          requestFor(input, { ...validValues(input, tag), [field.name]: `a\r\nx-${tag}: ${tag}` });
        const tag = site.tag();
        if (!split(await site.send(build(tag)), tag)) continue;
        const where = `${input.method} ${pathOf(input.path)}`;
        site.suspect({
          kind: headerInjection.kind,
          severity: 'high',
          title: `Header injection: "${field.name}" of ${where} starts a header of its own`,
          where,
          experiment: (fresh) => ({ steps: [build(fresh)], judge: ([answer]) => split(answer, fresh) }),
        });
      }
    }
  },
};

const split = (answer: Exchange | undefined, tag: string): string | undefined =>
  answer && `x-${tag}` in answer.headers ? `x-${tag}: ${answer.headers[`x-${tag}`]}` : undefined;
