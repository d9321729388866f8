import { CREDENTIALS, EXAMPLES } from '../core/credentials.ts';

/** A private key goes whole, not only the line it begins with. */
const KEY_BLOCK =
  /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{1,60}-----|$)/g;
/** `password = …`: what stands behind such a name is one, whatever it looks like. */
const NAMED =
  /\b((?:[a-z0-9]+[_-])*(?:passwor[dt]|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)s?["']?\s*[:=]\s*["']?)([^\s"',;<>[\]${}()*]{8,200})/gi;
const TOKEN = /(?:sha\d{1,3}-)?[A-Za-z0-9+/=_-]{20,4096}/g;
const MARK = /\[redacted: ([^\]\n]{1,60})\]/g;

/**
 * The text with everything that looks like a credential replaced by `[redacted: KIND]`: by the forms the scan gate
 * knows, by the name before it, and by its randomness. Commit ids and digests in hex stay. Redacting twice changes
 * nothing more.
 */
export function redact(text: string): string {
  const keyless = text.replace(KEY_BLOCK, mark('private key'));
  const formless = CREDENTIALS.reduce(
    (rest, { what, pattern }) => rest.replace(new RegExp(pattern, 'g'), (found) => replaced(found, what)),
    keyless,
  );
  return formless
    .replace(NAMED, (whole, name: string, value: string) =>
      isSecret(value) ? name + mark('named secret') : whole,
    )
    .replace(TOKEN, (token) => (isRandom(token) ? mark('random string') : token));
}

/** The kinds of what was redacted in these texts. */
export function redactedKinds(texts: readonly string[]): string[] {
  return [...new Set(texts.flatMap((text) => [...text.matchAll(MARK)].map(([, kind = '']) => kind)))];
}

const mark = (kind: string) => `[redacted: ${kind}]`;
const replaced = (found: string, what: string) => (EXAMPLES.includes(found) ? found : mark(what));

/** A word that says what the secret is for ("required", "rotated-weekly") is none. */
const isSecret = (value: string) => !EXAMPLES.includes(value) && /\d/.test(value) && /[^\d.:/-]/.test(value);

/**
 * Random text changes between small letters, capitals and digits far more often than names and paths do: 0.62 of
 * the time in base 62 and 0.4 in base 36, against about 0.2 in identifiers.
 */
function isRandom(token: string): boolean {
  if (token.startsWith('sha') || EXAMPLES.some((example) => token.includes(example))) return false;
  const letters = token.replace(/[+/=_-]/g, '');
  if (letters.length < 20 || /^[0-9a-f]+$|^[0-9A-F]+$|^\D+$|^\d+$/.test(letters)) return false;
  const classes = [...letters].map(classOf);
  const changes =
    classes.filter((one, at) => at > 0 && one !== classes[at - 1]).length / (letters.length - 1);
  const kinds = new Set(classes).size;
  const digits = classes.filter((one) => one === 'digit').length;
  return digits >= 2 && changes >= (kinds === 3 ? 0.4 : 0.3) && entropy(letters) >= 3.5;
}

const classOf = (letter: string) => (letter >= 'a' ? 'small' : letter >= 'A' ? 'capital' : 'digit');

/** Shannon entropy in bits a character. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / text.length) * Math.log2(n / text.length), 0);
}
