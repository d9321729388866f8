import { isOk, jsonOf, whereOf } from '../places.ts';
import type { Attack, Exchange, Field, HttpRequest, Input, Site } from '../types.ts';
import { requestFor, validValues } from '../values.ts';

const COUNTS = /^(quantity|qty|seats|guests|tickets|copies)$/i;
const AMOUNT = /^(amount|sum)$/i;
const MOVES = /transfer|pay|withdraw|deposit|order|purchase|checkout|charge|spend/i;

/** The product takes what its own description says it refuses, or less than nothing of something. */
export const validation: Attack = {
  kind: 'validation',
  async run(site) {
    for (const input of site.surface.inputs) {
      if (input.method === 'GET' || input.encoding === 'none') continue;
      const usual = await site.send(requestFor(input, validValues(input, site.tag())));
      if (!isOk(usual)) continue;
      for (const field of input.fields.filter(({ place, guessed }) => place === 'body' && !guessed)) {
        for (const wrong of violations(input, field)) if (await attack(site, input, field, wrong)) break;
      }
    }
  },
};

interface Violation {
  value: unknown;
  what: string;
}

function violations(input: Input, field: Field): Violation[] {
  const negative =
    COUNTS.test(field.name) || (AMOUNT.test(field.name) && MOVES.test(input.path))
      ? [{ value: -3, what: 'is less than nothing' }]
      : [];
  return input.origin === 'description' && input.encoding === 'json'
    ? [...promised(field), ...negative]
    : negative;
}

/** What breaks the promises of the description, each in one way. */
function promised({ type, required, minLength, maxLength, minimum, maximum, pattern }: Field): Violation[] {
  const all: (Violation | false)[] = [
    required && { value: undefined, what: 'is required and missing' },
    type === 'number' && { value: 'many', what: 'is a word where a number belongs' },
    type === 'boolean' && { value: 'perhaps', what: 'is a word where true or false belongs' },
    minimum !== undefined && { value: minimum - 1, what: 'is below its minimum' },
    maximum !== undefined && { value: maximum + 1, what: 'is above its maximum' },
    maxLength !== undefined && { value: 'z'.repeat(maxLength + 1), what: 'is longer than its maximum' },
    minLength > 0 &&
      type === 'text' && { value: 'z'.repeat(minLength - 1), what: 'is shorter than its minimum' },
    type === 'choice' && { value: 'none-of-these', what: 'is not among its choices' },
    type === 'email' && { value: 'no address', what: 'is no e-mail address' },
    type === 'date' && { value: 'yesterday-ish', what: 'is no date' },
    type === 'uuid' && { value: 'not-a-uuid', what: 'is no UUID' },
    pattern !== undefined && type === 'text' && { value: '\u0001 ~', what: 'does not match its pattern' },
  ];
  return all.filter((one) => one !== false);
}

async function attack(site: Site, input: Input, field: Field, { value, what }: Violation): Promise<boolean> {
  const build = (tag: string): HttpRequest =>
    requestFor(input, { ...validValues(input, tag), [field.name]: value });
  const took = (answer: Exchange) => isOk(answer) && !isIgnored(answer, field, value);
  if (!took(await site.send(build(site.tag())))) return false;
  site.suspect({
    kind: validation.kind,
    severity: 'medium',
    title: `${whereOf(input)} accepts "${field.name}" although it ${what}`,
    where: whereOf(input),
    expects: 'expect(last.status).toBeGreaterThanOrEqual(400);',
    experiment: (tag) => ({
      steps: [build(tag)],
      judge: ([answer]) => (answer && took(answer) ? accepted(answer, value) : undefined),
    }),
  });
  return true;
}

/** The answer shows that the field has kept another value: ignored is not accepted. */
function isIgnored(answer: Exchange, { name }: Field, value: unknown): boolean {
  const json = jsonOf(answer);
  if (value === undefined || typeof json !== 'object' || json === null || !(name in json)) return false;
  return String((json as Record<string, unknown>)[name]) !== String(value);
}

const accepted = ({ status, body }: Exchange, value: unknown): string =>
  `${JSON.stringify(value)?.slice(0, 60) ?? 'nothing'} was accepted with ${status}: ${body.slice(0, 150)}`;
