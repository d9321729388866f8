import type { Attack, HttpRequest, Suspicion } from '../types.ts';
import { get, pathOf, requestFor, summary, validValues } from '../values.ts';

const dead = (status: number) => status === 0 || status >= 500;

/** What the product is for does not work: a page it links to, or a correct submission, ends in an error. */
export const mainPath: Attack = {
  kind: 'main-path',
  async run(site) {
    const { pages, inputs } = site.surface;
    const answers = [];
    for (const page of pages.length > 0 ? pages : ['/']) answers.push(await site.send(get(page)));
    // A refusal is an answer too: an API need not have a page at its root.
    if (answers.every(({ status }) => dead(status))) {
      return site.suspect(suspicion('no-start', get('/'), 'The product has no page that answers', dead));
    }
    if (inputs.length === 0 && answers.every(({ status }) => status >= 400))
      site.note('no address answers with anything but a refusal, and no way to send something in is known.');
    for (const { request, status } of answers) {
      if (dead(status))
        site.suspect(suspicion('server-error', request, 'A page of the product does not answer', dead));
    }
    for (const input of inputs.filter(({ method }) => method !== 'GET')) {
      const request = requestFor(input, validValues(input, site.tag()));
      const { status } = await site.send(request);
      if (dead(status)) site.suspect(suspicion('server-error', request, 'A correct submission fails', dead));
      else if (status >= 400)
        site.note(
          `${input.method} ${pathOf(input.path)}: the probe's plain values were refused with ${status}.`,
        );
    }
  },
};

function suspicion(
  kind: string,
  request: HttpRequest,
  title: string,
  bad: (status: number) => boolean,
): Suspicion {
  const where = `${request.method} ${pathOf(request.path)}`;
  return {
    kind,
    severity: 'critical',
    expects: 'expect(last.status).toBeLessThan(400);',
    title: `${title}: ${where}`,
    where,
    experiment: () => ({
      steps: [request],
      judge: ([answer]) => (answer && bad(answer.status) ? summary(answer) : undefined),
    }),
  };
}
