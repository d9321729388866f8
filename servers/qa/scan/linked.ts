import { posix } from 'node:path';
import * as z from 'zod';
import { jsonOf } from './packages.ts';

const licenceField = z.union([
  z.string(),
  z.object({ type: z.string() }).transform(({ type }) => type),
  z.array(z.object({ type: z.string() })).transform((list) => list.map(({ type }) => type).join(' OR ')),
]);
const wanted = z.record(z.string(), z.string()).catch({});
const manifest = z.looseObject({
  name: z.string().catch(''),
  version: z.string().catch(''),
  license: licenceField.optional().catch(undefined),
  licenses: licenceField.optional().catch(undefined),
  dependencies: wanted,
  optionalDependencies: wanted,
  devDependencies: wanted,
});
type Manifest = z.output<typeof manifest>;

const LICENCE_FILE = /^(?:licen[cs]e|copying|unlicense)(?:[.-][\w.-]+)?$/i;
/** How the texts of licences that bind begin; an SPDX line says it itself. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/SPDX-License-Identifier:\s*([\w.+-]+)/, ''],
  [/GNU\s+AFFERO\s+GENERAL\s+PUBLIC\s+LICENSE/i, 'AGPL'],
  [/GNU\s+LESSER\s+GENERAL\s+PUBLIC\s+LICENSE/i, 'LGPL'],
  [/GNU\s+GENERAL\s+PUBLIC\s+LICENSE/i, 'GPL'],
  [/Server\s+Side\s+Public\s+License/i, 'SSPL-1.0'],
  [/Business\s+Source\s+License/i, 'BUSL-1.1'],
];

export const isLicenceFile = (path: string): boolean => LICENCE_FILE.test(posix.basename(path));

/** A dependency that lies in the project itself: by a path, a link, or as a member of the workspace. */
export interface LinkedPackage {
  /** The manifest that asks for it. */
  by: string;
  name: string;
  version: string;
  /** What its manifest states, or its licence text; empty where nothing does. */
  licence: string;
  /** The licence of the package that asks. */
  own: string;
  dev: boolean;
}

const TEXT_NAMES = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE', 'COPYING'];

/** Where the manifests and licences of packages lie that are asked for by a path and are not among `texts`. */
export const linkedFiles = (texts: ReadonlyMap<string, string>): string[] =>
  [...texts].flatMap(([path, text]) => {
    const read = posix.basename(path) === 'package.json' ? manifest.safeParse(jsonOf(text)).data : undefined;
    const all = { ...read?.devDependencies, ...read?.optionalDependencies, ...read?.dependencies };
    return Object.values(all).flatMap((version) => {
      const place = pathIn(posix.dirname(path), version);
      if (place === undefined || place.startsWith('..') || texts.has(posix.join(place, 'package.json')))
        return [];
      return ['package.json', ...TEXT_NAMES].map((name) => posix.join(place, name));
    });
  });

/** Dependencies that lie in the project, as its manifests ask for them. */
export function linkedPackages(texts: ReadonlyMap<string, string>): LinkedPackage[] {
  const manifests = new Map(
    [...texts].flatMap(([path, text]) => {
      const read = posix.basename(path) === 'package.json' ? manifest.safeParse(jsonOf(text)) : undefined;
      return read?.success ? [[posix.dirname(path), read.data] as const] : [];
    }),
  );
  const byName = new Map([...manifests].map(([folder, { name }]) => [name, folder]));
  return [...manifests].flatMap(([folder, asking]) => {
    const runs = { ...asking.dependencies, ...asking.optionalDependencies };
    return Object.entries({ ...asking.devDependencies, ...runs }).flatMap(([name, version]) => {
      const place = placeOf(folder, name, version, byName);
      const found = place === undefined || place === folder ? undefined : manifests.get(place);
      if (found === undefined || place === undefined) return [];
      const by = posix.join(folder, 'package.json');
      const licence = licenceOf(found, place, texts);
      const own = licenceOf(asking, folder, texts) || licenceOf(manifests.get('.'), '.', texts);
      return [{ by, name, version: found.version, licence, own, dev: runs[name] === undefined }];
    });
  });
}

function placeOf(
  folder: string,
  name: string,
  version: string,
  byName: ReadonlyMap<string, string>,
): string | undefined {
  return pathIn(folder, version) ?? byName.get(name);
}

function pathIn(folder: string, version: string): string | undefined {
  const path = /^(?:file|link|portal):(.+)$/.exec(version)?.[1] ?? /^\.{1,2}\/.*/.exec(version)?.[0];
  return path === undefined ? undefined : posix.join(folder, path).replace(/\/$/, '');
}

function licenceOf(of: Manifest | undefined, folder: string, texts: ReadonlyMap<string, string>): string {
  const stated = of?.license ?? of?.licenses ?? '';
  if (stated !== '' && !/^SEE LICEN[CS]E/i.test(stated)) return stated;
  for (const [path, text] of texts) {
    if (posix.dirname(path) !== folder || !isLicenceFile(path)) continue;
    for (const [pattern, name] of TEXTS) {
      const found = pattern.exec(text.slice(0, 4_000));
      if (found) return name || (found[1] ?? '');
    }
  }
  return stated;
}
