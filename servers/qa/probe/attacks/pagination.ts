import { isOk, jsonOf, listOf, type Place, textPlaces } from '../places.ts';
import type { Attack, Exchange, Site } from '../types.ts';

const SIZE = /^(limit|per_?page|page_?size|size|count|take|first|top|max|max_?results|rows|n)$/i;
const HUGE = 1_000_000;
/** A page that a product means to send holds fewer. */
const LARGE = 1_000;

/** Whoever asks decides how much the product reads and sends: no upper bound, or a negative one that means none. */
export const pagination: Attack = {
  kind: 'pagination',
  async run(site) {
    const places = textPlaces(
      site,
      ({ name, place }, { method }) => method === 'GET' && place === 'query' && SIZE.test(name),
    );
    for (const place of places) await attackPlace(site, place);
  },

  observe(answer) {
    const { request } = answer;
    const size = sizeOf(answer);
    if (request.method !== 'GET' || request.path.includes('?') || size <= LARGE) return [];
    return [
      {
        kind: 'pagination',
        severity: 'medium' as const,
        title: `GET ${request.path} answers with all of its ${size} entries at once`,
        where: `GET ${request.path}`,
        expects: `expect(JSON.stringify(JSON.parse(last.body)).length).toBeLessThan(${Math.round(answer.body.length / 2)});`,
        experiment: () => ({
          steps: [request],
          judge: ([again]) => (again && sizeOf(again) > LARGE ? `${sizeOf(again)} entries` : undefined),
        }),
      },
    ];
  },
};

async function attackPlace(site: Site, place: Place): Promise<void> {
  const one = await site.send(place.build('1', site.tag()));
  if (!isOk(one) || sizeOf(one) > 1) return;
  for (const [value, what] of [
    [String(HUGE), 'has no upper bound'],
    ['-1', 'when negative means everything'],
    ['0', 'when zero means everything'],
  ] as const) {
    const steps = (tag: string) => [usual(place), place.build(value, tag)];
    const judge = ([normal, much]: Exchange[]) => normal && much && excess(normal, much, value);
    const answers = [];
    for (const step of steps(site.tag())) answers.push(await site.send(step));
    if (!judge(answers)) continue;
    site.suspect({
      kind: pagination.kind,
      severity: 'medium',
      title: `Pagination: "${place.field.name}" of ${place.where} ${what}`,
      where: place.where,
      expects: 'expect(last.body.length).toBeLessThanOrEqual(answers[0].body.length * 10);',
      experiment: (tag) => ({ steps: steps(tag), judge }),
    });
    return;
  }
}

/** The request as it is without the field. */
const usual = ({ build, field }: Place) => {
  const request = build('1', '');
  const [path = '/', query = ''] = request.path.split('?');
  const rest = new URLSearchParams(query);
  rest.delete(field.name);
  return { ...request, path: rest.size > 0 ? `${path}?${rest}` : path };
};

function excess(normal: Exchange, much: Exchange, value: string): string | undefined {
  if (!isOk(much) || !isOk(normal)) return undefined;
  if (value === String(HUGE)) {
    if (sizeOf(much) > LARGE) return `asked for ${HUGE}, got ${sizeOf(much)} entries`;
    return holds(jsonOf(much), HUGE) ? `the answer says that its limit is ${HUGE}` : undefined;
  }
  return sizeOf(much) > sizeOf(normal)
    ? `asked for ${value}, got ${sizeOf(much)} entries instead of ${sizeOf(normal)}`
    : undefined;
}

const sizeOf = (answer: Exchange): number => listOf(answer)?.length ?? 0;

/** Whether a number stands directly in the answer or in an object in it. */
function holds(json: unknown, value: number, depth = 0): boolean {
  if (json === value) return true;
  if (typeof json !== 'object' || json === null || Array.isArray(json) || depth > 2) return false;
  return Object.entries(json).some(([key, one]) =>
    one === value ? SIZE.test(key) : holds(one, value, depth + 1),
  );
}
