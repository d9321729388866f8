import { around, factors, textPlaces } from '../places.ts';
import type { Attack, Exchange, HttpRequest } from '../types.ts';
import { get } from '../values.ts';

/** Each makes a template engine or an evaluator compute a number that is not in what was sent. */
const payload = ({ a, b }: { a: number; b: number }): string =>
  ['{{', '${', '<%=', '#{', '{%=', '[[']
    .map((open, index) => `${open}${a}*${b}${['}}', '}', '%>', '}', '%}', ']]'][index]}`)
    .join(' ');

/** What is sent in is evaluated as a template or an expression, in the answer or on a page that shows it later. */
export const templateInjection: Attack = {
  kind: 'template-injection',
  async run(site) {
    for (const place of textPlaces(site)) {
      for (const text of [payload, ({ a, b }: { a: number; b: number }) => `${a}*${b}`]) {
        const build = (tag: string): HttpRequest => place.build(text(factors(tag)), tag);
        const tag = site.tag();
        const { product } = factors(tag);
        const sent = await site.send(build(tag));
        const shown = sent.body.includes(product) ? 'answer' : await shownOn(product);
        if (shown === undefined) continue;
        const visits = shown === 'answer' ? [] : [get(shown)];
        site.suspect({
          kind: templateInjection.kind,
          severity: 'critical',
          title: `Template injection: "${place.field.name}" of ${place.where} is evaluated`,
          where: place.where,
          experiment: (fresh) => ({
            steps: [build(fresh), ...visits],
            judge: (answers) => evaluated(answers.at(-1), factors(fresh).product),
          }),
        });
        break;
      }
      async function shownOn(product: string): Promise<string | undefined> {
        if (place.input.method === 'GET') return undefined;
        for (const page of site.surface.pages.slice(0, 8)) {
          if ((await site.send(get(page))).body.includes(product)) return page;
        }
        return undefined;
      }
    }
  },
};

const evaluated = (answer: Exchange | undefined, product: string): string | undefined =>
  answer?.body.includes(product) ? around(answer, product) : undefined;
