import { type Place, takesAddress, textPlaces } from '../places.ts';
import type { Attack, HttpRequest, Site, Suspicion } from '../types.ts';

/** Spellings of this machine that a list of forbidden words does not hold. */
const HOSTS = [
  '127.0.0.1',
  'localhost',
  '2130706433',
  '0x7f.1',
  '127.1',
  '[::ffff:127.0.0.1]',
  'example.com@127.0.0.1',
];

/** Takes a host, without the scheme before it. */
const HOST_LIKE = /^(host|hostname|domain|server)$/i;

/** The product calls an address inside of its own network because somebody sent it in: a listener of ours was called. */
export const ssrf: Attack = {
  kind: 'ssrf',
  async run(site) {
    const places = textPlaces(site).map((place) => ({
      place,
      tries: (takesAddress(place.field) ? HOSTS : HOSTS.slice(0, 1)).map((host) => {
        const isHost = HOST_LIKE.test(place.field.name);
        const address = (tag: string) =>
          isHost ? site.canary.address(tag, host).replace(/^http:\/\//, '') : site.canary.address(tag, host);
        const build = (tag: string): HttpRequest => place.build(address(tag), tag);
        return { host, tag: site.tag(), build };
      }),
    }));
    if (places.length === 0) site.note('ssrf: nothing that takes a text was found.');
    let answered = performance.now();
    site.later(async () => {
      for (const { place, tries } of await whereHeard(site, places, answered))
        if (tries[0]) site.suspect(suspicion(site, place, tries[0]));
    });
    for (const { tag, build } of places.flatMap(({ tries }) => tries)) {
      await site.send(build(tag));
      answered = performance.now();
    }
  },
};

interface Try {
  host: string;
  tag: string;
  build(tag: string): HttpRequest;
}

const suspicion = (site: Site, { field, where }: Place, { host, build }: Try): Suspicion => ({
  kind: ssrf.kind,
  severity: 'high',
  title: `SSRF: "${field.name}" of ${where} makes the product call ${host}`,
  where,
  expects: 'expect(last.status).toBeGreaterThanOrEqual(400);',
  experiment: (tag) => ({
    steps: [build(tag)],
    judge: async () =>
      (await site.canary.heard(tag)) ? `a listener on ${site.canary.address(tag)} was called` : undefined,
  }),
});

/** The tries that were heard, waited for all at once. */
const whereHeard = <P extends { tries: Try[] }>(site: Site, places: P[], since: number): Promise<P[]> =>
  Promise.all(
    places.map(async (place) => {
      const heard = await Promise.all(place.tries.map(({ tag }) => site.canary.heard(tag, since)));
      return { ...place, tries: place.tries.filter((_, index) => heard[index]) };
    }),
  );
