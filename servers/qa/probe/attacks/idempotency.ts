import { idOf } from '../access.ts';
import { isOk, listOf, whereOf } from '../places.ts';
import type { Attack, Exchange, HttpRequest, Input, Site, Step } from '../types.ts';
import { get, requestFor, validValues } from '../values.ts';

const KEY = 'idempotency-key';

/** The same request with the same idempotency key, or the same PUT, is done twice. */
export const idempotency: Attack = {
  kind: 'idempotency',
  async run(site) {
    for (const input of site.surface.inputs) {
      const takesKey = input.method === 'POST' && input.headers?.includes(KEY);
      if (!takesKey && input.method !== 'PUT') continue;
      await attackInput(site, input);
    }
  },
};

async function attackInput(site: Site, input: Input): Promise<void> {
  const list = get(input.path.split('/{')[0] || '/');
  const steps = (tag: string): Step[] => {
    const plain = requestFor(input, validValues(input, tag));
    const request: HttpRequest =
      input.method === 'POST' ? { ...plain, headers: { ...plain.headers, [KEY]: tag } } : plain;
    return [list, request, list, request, list];
  };
  const judge = ([none, first, one, second, two]: Exchange[]): string | undefined => {
    if (!none || !first || !one || !second || !two || !isOk(first) || !isOk(second)) return undefined;
    const [before, between, after] = [none, one, two].map((answer) => listOf(answer)?.length);
    if (before !== undefined && between === before + 1 && after === before + 2)
      return `one entry more after each of two equal requests (${before}, ${between}, ${after})`;
    const ids = [idOf(first), idOf(second)];
    return input.method === 'POST' && ids[0] !== undefined && ids[1] !== undefined && ids[0] !== ids[1]
      ? `two equal requests with the same key made ${ids.join(' and ')}`
      : undefined;
  };
  const answers: Exchange[] = [];
  for (const step of steps(site.tag())) answers.push(await site.send(step as HttpRequest));
  if (judge(answers) === undefined) return;
  site.suspect({
    kind: idempotency.kind,
    severity: 'medium',
    title: `Not idempotent: ${whereOf(input)} does the same request twice`,
    where: whereOf(input),
    expects: 'expect(answers[3].body).toBe(answers[1].body);',
    experiment: (tag) => ({ steps: steps(tag), judge }),
  });
}
