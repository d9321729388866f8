import { basename } from 'node:path';
import { CREDENTIALS, EXAMPLES } from '../credentials.ts';

/** Files that exist to hold secrets; `.env.example` and its like are not among them. */
const SECRET_FILES =
  /^(?:\.env(?:\.(?:local|production|staging|development))?|\.dev\.vars|\.npmrc\.local|id_(?:rsa|dsa|ecdsa|ed25519))$/;
const LONGEST_LINE = 20_000;
/** Files that show others what to fill in. */
const SHOWS = /(?:^|[._-])(?:example|sample|template|dist|tmpl)(?:[._-]|$)|\.mdx?$|^readme/i;
/** Of plain words, one of these says that the real password is to be put in their place. */
const STANDS_FOR = new Set(
  (
    'change changeme changethis replace replaceme insert fill your yours user username pass passwd password ' +
    'yourpassword mypassword dbpassword secret example sample placeholder dummy todo xxx'
  ).split(' '),
);
const IN_URL = /:\/\/[^\s:@/]+:([^\s:@/]+)@/;

/** One credential found: where and of what kind, never the credential itself. */
export type SecretFinding = { line: number; what: string };

/** What looks like a credential in the lines of a file that its old content lacks. */
export function secretsAdded(path: string, old: Buffer | undefined, now: Buffer): SecretFinding[] {
  const before = new Set(old?.toString('latin1').split('\n'));
  const inName =
    SECRET_FILES.test(basename(path)) && now.length > 0 ? [{ line: 1, what: 'file of secrets' }] : [];
  const inText = now
    .toString('latin1')
    .split('\n')
    .flatMap((text, index) =>
      before.has(text)
        ? []
        : secretsIn(text, SHOWS.test(basename(path))).map((what) => ({ line: index + 1, what })),
    );
  return [...inName, ...inText];
}

function secretsIn(line: string, shows: boolean): string[] {
  const pieces = line.length <= LONGEST_LINE ? [line] : overlapping(line);
  const text = (piece: string) => EXAMPLES.reduce((rest, example) => rest.replaceAll(example, ''), piece);
  return CREDENTIALS.filter(({ pattern }) =>
    pieces.some((piece) =>
      [...text(piece).matchAll(new RegExp(pattern, `${pattern.flags}g`))].some(
        ([found]) => !(shows && standsFor(found)),
      ),
    ),
  ).map(({ what }) => what);
}

/** Whether what looks like a credential only stands where one is to be put. */
function standsFor(found: string): boolean {
  const password = IN_URL.exec(found)?.[1];
  if (password === undefined) return /(.)\1{7}|your[-_]|example|placeholder|change-?me/i.test(found);
  const words = password.toLowerCase().split(/[-_.+]+/);
  return (
    words.every((word) => /^[a-z]*\d{0,4}$/.test(word)) &&
    words.some((word) => STANDS_FOR.has(word.replace(/\d+$/, '')) || /^x+$/.test(word))
  );
}

/** Pieces of a very long line, so that no pattern runs over megabytes; they overlap by more than a credential. */
function overlapping(line: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < line.length; at += LONGEST_LINE - 1_000)
    pieces.push(line.slice(at, at + LONGEST_LINE));
  return pieces;
}
