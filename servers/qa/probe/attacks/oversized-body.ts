import { isAccepted, textPlaces, whereOf } from '../places.ts';
import type { Attack, Exchange, HttpRequest, Site } from '../types.ts';
import { get, pathOf, requestFor, validValues } from '../values.ts';

const HUGE = 6_000_000;
/** A file may be larger than a text; one of this size is read into memory by nobody on purpose. */
const HUGE_FILE = 33_000_000;
const RUN = 'z'.repeat(10_000);
const FILE_LIKE = /file|upload|image|photo|attachment|blob|data|content_base64/i;

/** Six megabytes in a field of text are taken, or bring the product down, where they should be refused. */
export const oversizedBody: Attack = {
  kind: 'oversized-body',
  async run(site) {
    const done = new Set<string>();
    for (const { input, field, where, build } of textPlaces(
      site,
      ({ place, type }) => place === 'body' && type === 'text',
    )) {
      const isRaw = input.encoding === 'raw';
      const isFile = !isRaw && (FILE_LIKE.test(field.name) || FILE_LIKE.test(where));
      if (done.has(where) || input.encoding === 'none' || isFile) continue;
      done.add(where);
      const path = pathOf(input.path);
      const usual = await site.send(requestFor(input, validValues(input, site.tag())));
      if (!isAccepted(usual)) continue;
      const make = (tag: string) => build(`${tag} ${'z'.repeat(isRaw ? HUGE_FILE : HUGE)}`, tag);
      const visit = (sent: Exchange): HttpRequest =>
        get(site.links(sent)[0] ?? (isRead(site, path) ? path : '/'));
      const judge = ([sent, shown]: Exchange[]) =>
        sent && (isRaw && isAccepted(sent) ? `accepted with ${sent.status}` : verdictOn(sent, shown));
      const sent = await site.send(make(site.tag()));
      if (!judge([sent, await site.send(visit(sent))])) continue;
      site.suspect({
        kind: oversizedBody.kind,
        severity: 'medium',
        title: `Oversized body: ${whereOf(input)} does not refuse ${isRaw ? '33' : 'six'} megabytes in "${field.name}"`,
        where,
        expects: 'expect([400, 413, 414, 422, 431]).toContain(answers[0].status);',
        experiment: (tag) => ({
          steps: [make(tag), ([answer]) => visit(answer ?? sent)],
          judge,
        }),
      });
    }
  },
};

const isRead = ({ surface }: Site, path: string): boolean =>
  surface.pages.some((page) => pathOf(page) === path);

/** Broken by it, or kept: something was made of it, or it is seen again. */
function verdictOn(sent: Exchange, shown: Exchange | undefined): string | undefined {
  if (sent.status === 413) return undefined;
  if (sent.status >= 500) return `${sent.status}: ${sent.body.slice(0, 200)}`;
  if (!isAccepted(sent)) return undefined;
  if (sent.status === 201) return 'accepted with 201';
  const isSeen = [sent, shown].some(
    (answer) => answer && answer.body.length > 500_000 && answer.body.includes(RUN),
  );
  return isSeen ? `accepted with ${sent.status}, and shown again` : undefined;
}
