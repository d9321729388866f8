import { takesAddress, textPlaces } from '../places.ts';
import type { Attack, HttpRequest } from '../types.ts';

/** Spellings of this machine that a list of forbidden words does not hold. */
const HOSTS = ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '127.1', '[::ffff:127.0.0.1]', 'example.com@127.0.0.1'];

/** The product calls an address inside of its own network because somebody sent it in: a listener of ours was called. */
export const ssrf: Attack = {
  kind: 'ssrf',
  async run(site) {
    for (const place of textPlaces(site)) {
      const hosts = takesAddress(place.field) ? HOSTS : HOSTS.slice(0, 1);
      const tries = hosts.map((host) => {
        const tag = site.tag();
        const build = (word: string): HttpRequest => place.build(site.canary.address(word, host), word);
        return { host, tag, build };
      });
      for (const { tag, build } of tries) await site.send(build(tag));
      const heard = await Promise.all(tries.map(({ tag }) => site.canary.heard(tag)));
      const found = tries[heard.indexOf(true)];
      if (!found) continue;
      site.suspect({
        kind: ssrf.kind,
        severity: 'high',
        title: `SSRF: "${place.field.name}" of ${place.where} makes the product call ${found.host}`,
        where: place.where,
        expects: 'expect(last.status).toBeGreaterThanOrEqual(400);',
        experiment: (tag) => ({
          steps: [found.build(tag)],
          judge: async () =>
            (await site.canary.heard(tag)) ? `a listener on ${site.canary.address(tag)} was called` : undefined,
        }),
      });
    }
  },
};
