import { basename } from 'node:path';
import { CREDENTIALS, EXAMPLES } from '../credentials.ts';

/** Files that exist to hold secrets; `.env.example` and its like are not among them. */
const SECRET_FILES =
  /^(?:\.env(?:\.(?:local|production|staging|development))?|\.dev\.vars|\.npmrc\.local|id_(?:rsa|dsa|ecdsa|ed25519))$/;
const LONGEST_LINE = 20_000;

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
      before.has(text) ? [] : secretsIn(text).map((what) => ({ line: index + 1, what })),
    );
  return [...inName, ...inText];
}

function secretsIn(line: string): string[] {
  const pieces = line.length <= LONGEST_LINE ? [line] : overlapping(line);
  const text = (piece: string) => EXAMPLES.reduce((rest, example) => rest.replaceAll(example, ''), piece);
  return CREDENTIALS.filter(({ pattern }) => pieces.some((piece) => pattern.test(text(piece)))).map(
    ({ what }) => what,
  );
}

/** Pieces of a very long line, so that no pattern runs over megabytes; they overlap by more than a credential. */
function overlapping(line: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < line.length; at += LONGEST_LINE - 1_000)
    pieces.push(line.slice(at, at + LONGEST_LINE));
  return pieces;
}
