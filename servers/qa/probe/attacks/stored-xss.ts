import { type Execution, findExecution } from '../execution.ts';
import type { Attack, Exchange, Experiment, Field, Input, Site, Step, Suspicion } from '../types.ts';
import { fitText, get, pathOf, requestFor, validValues } from '../values.ts';
import { MARKUP_PAYLOADS } from './payloads.ts';

const MOST_VIEWED = 4;

type Payload = (tag: string) => string;
/** A page on which fields of one submission came back as script. */
interface Hit {
  page: string;
  /** How one gets to the page after another submission. */
  visit: Step;
  fields: Field[];
  execution: Execution;
}

interface Visit {
  hits: Hit[];
  /** The tag came back somewhere, in whatever form. */
  seen: boolean;
  /** Pages with scripts, which may build what they show from data. */
  scripted: string[];
}

/** What one visitor sends in runs as script for the next one. */
export const storedXss: Attack = {
  kind: 'stored-xss',
  async run(site) {
    for (const input of site.surface.inputs.filter(({ method }) => method !== 'GET'))
      await attackInput(site, input);
  },
};

async function attackInput(site: Site, input: Input): Promise<void> {
  const known = new Set<string>();
  let shown = false;
  for (const payload of MARKUP_PAYLOADS) {
    const together = targets(input, payload);
    const alone = together.length > 1 ? together.map((field) => [field]) : [];
    // All fields in one request where that comes back somewhere; else each field alone.
    for (const fields of together.length > 0 ? [together, ...alone] : []) {
      const tag = site.tag();
      const sent = await site.send(submission(input, fields, payload, tag));
      if (sent.status >= 400 || sent.status === 0) continue;
      const { hits, seen, scripted } = await revisit(site, sent, fields, tag);
      if (hits.length === 0 && payload === MARKUP_PAYLOADS[0] && fields === together)
        shown = (await inBrowser(site, input, fields, payload, tag, scripted)) || shown;
      for (const hit of hits) {
        const key = `${pathOf(hit.page)} ${hit.fields.map(({ name }) => name)}`;
        if (!known.has(key)) site.suspect(suspicion(site, input, hit, payload));
        known.add(key);
      }
      shown ||= seen;
      if (seen && fields === together) break;
    }
  }
  if (!shown) site.note(`${input.method} ${pathOf(input.path)}: nothing sent was seen again on any page.`);
}

/** The word for one field; none is the beginning of another. */
const mark = (tag: string, index: number): string => `${tag}${index}z`;

/** The fields that take free text, as far as the payload fits. */
const targets = (input: Input, payload: Payload): Field[] =>
  input.fields.filter(
    ({ type, maxLength }) =>
      (type === 'text' || type === 'url') && payload(mark('q'.repeat(9), 10)).length <= (maxLength ?? 1e6),
  );

function submission(input: Input, fields: Field[], payload: Payload, tag: string) {
  const values = validValues(input, tag);
  fields.forEach((field, index) => {
    values[field.name] = fitText(payload(mark(tag, index)), field);
  });
  return requestFor(input, values);
}

/** Looks at every page again, and at the one that the answer to the submission leads to. */
async function revisit(site: Site, sent: Exchange, fields: Field[], tag: string): Promise<Visit> {
  const hits = new Map<string, Hit>();
  let seen = false;
  const scripted: string[] = [];
  const [next] = site.links(sent);
  for (const page of next === undefined ? site.surface.pages : [...site.surface.pages, next]) {
    const answer = await site.send(get(page));
    seen ||= answer.body.includes(tag);
    if (/\bhtml\b/.test(answer.headers['content-type'] ?? '') && /<script/i.test(answer.body))
      scripted.push(page);
    const found = fields.flatMap((field, index) => {
      const execution = findExecution(answer, mark(tag, index));
      return execution ? [{ field, execution }] : [];
    });
    const [first] = found;
    if (!first || hits.has(pathOf(page))) continue;
    const visit: Step = page === next ? ([again]) => get((again && site.links(again)[0]) ?? page) : get(page);
    hits.set(pathOf(page), {
      page,
      visit,
      fields: found.map(({ field }) => field),
      execution: first.execution,
    });
  }
  return { hits: [...hits.values()], seen, scripted };
}

function suspicion(
  site: Site,
  input: Input,
  { page, visit, fields, execution }: Hit,
  payload: Payload,
): Suspicion {
  const names = fields.map(({ name }) => `"${name}"`).join(', ');
  const source = `${input.method} ${pathOf(input.path)}`;
  const limit = execution.heldBack
    ? ' (its Content-Security-Policy holds the script back, not the markup)'
    : '';
  return {
    kind: storedXss.kind,
    severity: execution.heldBack ? 'high' : 'critical',
    title: `Stored XSS: ${names} of ${source} becomes ${execution.how} in ${pathOf(page)}${limit}`,
    where: source,
    experiment: (tag): Experiment => ({
      steps: [submission(input, fields, payload, tag), visit],
      async judge([, shown]) {
        const text = proof(shown, fields, tag);
        if (text === undefined || !shown || !site.ran) return text;
        const ran = await site.ran(
          shown.request.path,
          fields.map((_, index) => mark(tag, index)),
        );
        if (ran === undefined) return text;
        return ran.length > 0 ? `a browser ran it: ${text}` : `not run by a browser without a click: ${text}`;
      },
    }),
  };
}

/** Every field must have come back as script; the evidence is the place of the first. */
function proof(shown: Exchange | undefined, fields: Field[], tag: string): string | undefined {
  if (!shown || !fields.every((_, index) => findExecution(shown, mark(tag, index)))) return undefined;
  const at = shown.body.indexOf(mark(tag, 0));
  return shown.body.slice(Math.max(0, at - 120), at + 80);
}

/** Opens pages whose scripts may render what was sent; true when one ran it. */
async function inBrowser(
  site: Site,
  input: Input,
  fields: Field[],
  payload: Payload,
  tag: string,
  scripted: readonly string[],
): Promise<boolean> {
  const { ran } = site;
  if (!ran) return false;
  const words = (one: string) => fields.map((_, index) => mark(one, index));
  for (const page of scripted.slice(0, MOST_VIEWED)) {
    const called = await ran(page, words(tag));
    if (!called || called.length === 0) continue;
    const names = fields
      .filter((_, index) => called.includes(mark(tag, index)))
      .map(({ name }) => `"${name}"`);
    const source = `${input.method} ${pathOf(input.path)}`;
    site.suspect({
      kind: storedXss.kind,
      severity: 'critical',
      title: `Stored XSS: ${names.join(', ')} of ${source} runs in a browser, put there by a script in ${pathOf(page)}`,
      where: source,
      expects: 'expect(last.body).not.toMatch(/innerHTML|insertAdjacentHTML|document\\.write/);',
      experiment: (fresh) => ({
        steps: [submission(input, fields, payload, fresh), get(page)],
        async judge() {
          const again = await ran(page, words(fresh));
          return again && again.length > 0
            ? `a browser called ${again.join(', ')} on ${pathOf(page)}`
            : undefined;
        },
      }),
    });
    return true;
  }
  return false;
}
