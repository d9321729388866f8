const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(?:\.|$)/i;
const SHORT_NAME = /^[^.]{1,6}~[0-9]+(?:\.[^.]{0,3})?$/;
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const PROBLEMS: readonly { test: (part: string) => boolean; why: string }[] = [
  { test: (part) => part.includes('\uFFFD'), why: 'is not UTF-8' },
  { test: (part) => INVISIBLE.test(part), why: 'holds a control or an invisible character' },
  { test: (part) => /[\\:]/.test(part), why: 'holds a backslash or a colon' },
  { test: (part) => part === '' || part === '.' || part === '..', why: 'is not a plain path' },
  { test: (part) => foldPath(part) === '.git', why: "names git's own folder" },
  { test: (part) => /[. ]$/.test(part), why: 'ends in a dot or a space' },
  { test: (part) => DEVICE.test(part), why: 'is a device name on Windows' },
  { test: (part) => SHORT_NAME.test(part), why: 'is a short name on Windows, which can mean another file' },
];

/** The form under which a file system that ignores case and normal form would see a path. */
export const foldPath = (path: string): string =>
  path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');

/** Why a path is not the same single file on every system, or undefined if it is. Looks at the name only. */
export function formProblem(path: string): string | undefined {
  const parts = path.split('/');
  return PROBLEMS.find(({ test }) => parts.some(test))?.why;
}

function prefixes(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}

/**
 * For each of `added` that some system takes for another path of `tree`, folders included: that other path.
 * Clashes that were in the tree before are left alone.
 */
export function collisions(added: readonly string[], tree: readonly string[]): Map<string, string> {
  const isNew = new Set(added);
  const before = new Set(tree.filter((path) => !isNew.has(path)).flatMap(prefixes));
  const spellings = new Map<string, string[]>();
  for (const prefix of new Set([...before, ...added.flatMap(prefixes)])) {
    const folded = foldPath(prefix);
    spellings.set(folded, [...(spellings.get(folded) ?? []), prefix]);
  }
  const found = new Map<string, string>();
  for (const path of added) {
    for (const prefix of prefixes(path).filter((spelling) => !before.has(spelling))) {
      const other = spellings.get(foldPath(prefix))?.find((spelling) => spelling !== prefix);
      if (other !== undefined) found.set(path, other);
    }
  }
  return found;
}
