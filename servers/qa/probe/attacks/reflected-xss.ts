import { findExecution } from '../execution.ts';
import type { Attack, Field, HttpRequest, Input, Site, Suspicion } from '../types.ts';
import { get, pathOf, requestFor, validValues } from '../values.ts';
import { MARKUP_PAYLOADS } from './payloads.ts';

interface Place {
  from: string;
  where: string;
  build(text: string, tag: string): HttpRequest;
}

/** What an address or a form carries comes back in the answer to it, as script. */
export const reflectedXss: Attack = {
  kind: 'reflected-xss',
  async run(site) {
    for (const place of places(site)) {
      const one = await attackPlace(site, place);
      if (one) site.suspect(one);
    }
  },
};

/** Each place that text can be put: every text field of every input, the path, and an unknown parameter. */
function places(site: Site): Place[] {
  const fields = site.surface.inputs.flatMap((input) =>
    input.fields
      .filter(({ type }) => type !== 'boolean')
      .map((field) => ({
        from: `"${field.name}"`,
        where: `${input.method} ${pathOf(input.path)}`,
        build: (text: string, tag: string) => requestFor(input, only(input, field, text, tag)),
      })),
  );
  const unknown = [...new Set(site.surface.pages.map(pathOf))].map((page) => ({
    from: 'an unknown parameter',
    where: `GET ${page}`,
    build: (text: string) => get(`${page}?millwright=${encodeURIComponent(text)}`),
  }));
  const path = {
    from: 'the path',
    where: 'GET /…',
    build: (text: string) => get(`/${encodeURIComponent(text)}`),
  };
  return [...fields, path, ...unknown];
}

/** A GET stays whole; of a form all else is left out, so that it is refused and shown again. */
function only(input: Input, field: Field, text: string, tag: string): Record<string, unknown> {
  const kept = input.method === 'GET' ? validValues(input, tag) : {};
  return { ...kept, [field.name]: text.padEnd(field.minLength, ' and more') };
}

async function attackPlace(site: Site, { from, where, build }: Place): Promise<Suspicion | undefined> {
  const plain = site.tag();
  const echo = await site.send(build(plain, plain));
  if (!echo.body.includes(plain)) return undefined;
  for (const payload of MARKUP_PAYLOADS) {
    const tag = site.tag();
    const execution = findExecution(await site.send(build(payload(tag), tag)), tag);
    if (!execution) continue;
    const limit = execution.heldBack
      ? ' (its Content-Security-Policy holds the script back, not the markup)'
      : '';
    return {
      kind: reflectedXss.kind,
      severity: 'high',
      title: `Reflected XSS: ${from} of ${where} becomes ${execution.how} in the answer${limit}`,
      where,
      experiment: (fresh) => ({
        steps: [build(payload(fresh), fresh)],
        async judge([answer]) {
          if (!answer || !findExecution(answer, fresh)) return undefined;
          const at = answer.body.indexOf(fresh);
          const text = answer.body.slice(Math.max(0, at - 120), at + 80);
          const { method, path } = answer.request;
          const ran = method === 'GET' ? await site.ran?.(path, [fresh]) : undefined;
          if (ran === undefined) return text;
          return ran.length > 0
            ? `a browser ran it: ${text}`
            : `not run by a browser without a click: ${text}`;
        },
      }),
    };
  }
  return undefined;
}
