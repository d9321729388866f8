import { isAccepted, textPlaces, whereOf } from '../places.ts';
import type { Attack, Exchange } from '../types.ts';
import { requestFor, validValues } from '../values.ts';

const HUGE = 10_000_000;
const FILE_LIKE = /file|upload|image|photo|attachment|blob|data|content_base64/i;

/** Ten megabytes in a field of text are taken, or bring the product down, where they should be refused. */
export const oversizedBody: Attack = {
  kind: 'oversized-body',
  async run(site) {
    const done = new Set<string>();
    for (const { input, field, where, build } of textPlaces(site, ({ place, type }) => place === 'body' && type === 'text')) {
      if (done.has(where) || input.encoding === 'none' || FILE_LIKE.test(field.name) || FILE_LIKE.test(where)) continue;
      done.add(where);
      const usual = await site.send(requestFor(input, validValues(input, site.tag())));
      const make = (tag: string) => build(`${tag} ${'z'.repeat(HUGE)}`, tag);
      const judge = (answer: Exchange | undefined) => {
        if (!answer || answer.status === 413) return undefined;
        if (answer.status >= 500) return `${answer.status}: ${answer.body.slice(0, 200)}`;
        return isAccepted(answer) && isAccepted(usual) && answer.status === usual.status ? `accepted with ${answer.status}` : undefined;
      };
      if (!judge(await site.send(make(site.tag())))) continue;
      site.suspect({
        kind: oversizedBody.kind,
        severity: 'medium',
        title: `Oversized body: ${whereOf(input)} does not refuse ten megabytes in "${field.name}"`,
        where,
        expects: 'expect([400, 413, 414, 422, 431]).toContain(last.status);',
        experiment: (tag) => ({ steps: [make(tag)], judge: ([answer]) => judge(answer) }),
      });
    }
  },
};
