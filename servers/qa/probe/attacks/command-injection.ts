import { around, factors, type Place, textPlaces } from '../places.ts';
import type { Attack, Exchange, Site, Suspicion } from '../types.ts';

/** Each makes a shell compute a number that is not in what was sent. */
const PAYLOADS: readonly ((a: number, b: number) => string)[] = [
  (a, b) => `x;echo $((${a}*${b}))`,
  (a, b) => `x|echo $((${a}*${b}))`,
  (a, b) => `x && echo $((${a}*${b}))`,
  (a, b) => `$(echo $((${a}*${b})))`,
  (a, b) => `x";echo $((${a}*${b}));"`,
  (a, b) => `x';echo $((${a}*${b}));'`,
  (a, b) => `x\necho $((${a}*${b}))`,
];
/** For shells whose output is not shown: how long it takes tells. */
const SLEEPS: readonly ((seconds: string) => string)[] = [
  (seconds) => `x;sleep ${seconds};`,
  (seconds) => `$(sleep ${seconds})`,
  (seconds) => `x';sleep ${seconds};'`,
];
const SLEPT_MS = 1_200;

/** What is sent in reaches a shell: it computes, or it waits as long as it is told to. */
export const commandInjection: Attack = {
  kind: 'command-injection',
  async run(site) {
    for (const place of textPlaces(site)) {
      const found = (await byOutput(site, place)) ?? (await byTime(site, place));
      if (found) site.suspect(found);
    }
  },
};

async function byOutput(site: Site, place: Place): Promise<Suspicion | undefined> {
  for (const payload of PAYLOADS) {
    const build = (tag: string) => place.build(payload(factors(tag).a, factors(tag).b), tag);
    const tag = site.tag();
    const answer = await site.send(build(tag));
    if (!answer.body.includes(factors(tag).product)) continue;
    return suspicion(place, 'is run by a shell', (fresh) => ({
      steps: [build(fresh)],
      judge: ([shown]) =>
        shown?.body.includes(factors(fresh).product) ? around(shown, factors(fresh).product) : undefined,
    }));
  }
  return undefined;
}

async function byTime(site: Site, place: Place): Promise<Suspicion | undefined> {
  for (const payload of SLEEPS) {
    const steps = (tag: string) => ['1.5', '0', '1.5'].map((seconds) => place.build(payload(seconds), tag));
    const judge = ([slow, quick, again]: Exchange[]) =>
      slept(slow, quick) && slept(again, quick)
        ? `told to sleep 1.5 s: ${Math.round(slow?.ms ?? 0)} and ${Math.round(again?.ms ?? 0)} ms; 0 s: ${Math.round(quick?.ms ?? 0)} ms`
        : undefined;
    const [first, second] = steps(site.tag());
    if (!first || !second) continue;
    const slow = await site.send(first);
    if (slow.ms < SLEPT_MS || !slept(slow, await site.send(second))) continue;
    return suspicion(place, 'makes a shell wait', (tag) => ({ steps: steps(tag), judge }));
  }
  return undefined;
}

const slept = (slow: Exchange | undefined, quick: Exchange | undefined): boolean =>
  slow !== undefined && quick !== undefined && slow.ms > SLEPT_MS && slow.ms > quick.ms + 1_000;

const suspicion = (place: Place, how: string, experiment: Suspicion['experiment']): Suspicion => ({
  kind: commandInjection.kind,
  severity: 'critical',
  title: `Command injection: "${place.field.name}" of ${place.where} ${how}`,
  where: place.where,
  experiment,
});
