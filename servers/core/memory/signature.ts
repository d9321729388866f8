import { createHash } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';

/** Logs are cut to their end before they are looked at: what failed stands there. */
const LONGEST_LOG = 200_000;
const LONGEST_LINE = 1_000;
const LONGEST_FORM = 300;
const HEAD_CHARACTERS = 80;
/** A log that failed in more ways than these has one cause that stands among the first. */
const MOST_SIGNATURES = 24;

/**
 * What recognises a failure when it comes again: 16 hex digits, a space, and a readable head.
 *
 * The line of `text` that names the failure best is taken in a form without paths' folders, line numbers, hosts,
 * ports, hashes, times and durations; an assertion is taken together with the name of its test, since two tests
 * fail with the same words. Any text that says something has a signature; an empty one has none ('').
 */
export function errorSignature(text: string): string {
  return errorSignatures(text)[0] ?? '';
}

/** The signatures of everything in `text` that reads like a failure, the most telling first; at most 24. */
export function errorSignatures(text: string): string[] {
  const lines = stripVTControlCharacters(text.slice(-LONGEST_LOG))
    .split('\n')
    .map((line) => line.slice(0, LONGEST_LINE).trim());
  let title = '';
  const found: { form: string; weight: number }[] = [];
  for (const line of lines) {
    const weight = weightOf(line);
    if (weight === 0) continue;
    const isAssertion = ASSERTION.test(line);
    if (TITLE.test(line)) title = line;
    const form = normalForm(isAssertion && title !== '' && title !== line ? `${title} | ${line}` : line);
    if (form !== '') found.push({ form, weight });
  }
  const ranked = found.sort((one, other) => other.weight - one.weight).map(({ form }) => form);
  const first = lines.map(normalForm).find((form) => form !== '');
  const forms = ranked.length > 0 ? ranked : first === undefined ? [] : [first];
  return [...new Set(forms)].slice(0, MOST_SIGNATURES).map(signed);
}

/** The part of a signature that is compared. */
export const signatureKey = (signature: string): string => signature.slice(0, 16);

const signed = (form: string) =>
  `${createHash('sha256').update(form).digest('hex').slice(0, 16)} ${form.slice(0, HEAD_CHARACTERS)}`;

/** Named failures: a class, a code, or a tool's own mark for the fatal line. */
const NAMED =
  /\b[A-Z]\w*(?:Error|Exception)\b|^fatal: |\[ERROR\]|\bERR_[A-Z_]+\b|\bSQLITE_[A-Z]+\b|\bE(?:ADDRINUSE|ACCES|NOENT|CONNREFUSED|CONNRESET|PERM|EXIST|TIMEDOUT|MFILE|NOSPC|PIPE)\b|\berror TS\d+|^panic: |^CONFLICT \(|^[A-Z]{5,9}(?:_[A-Z]+)*: /;
/** The name of a test that failed. */
const TITLE = /^(?:FAIL |not ok \d|[✖✗×✘] (?!\[))/;
const ASSERTION = /\bAssertionError\b|\bERR_ASSERTION\b|^error: '?expected/i;
const SOMEHOW =
  /\b(?:error|exception|fatal|failed|failure|cannot|could not|unable to|denied|refused|rejected|exceeded|timed out|not found|no such)\b/i;
/** Frames, sums and pointers to logs: they name no failure, or differ in every run. */
const NOISE =
  /^(?:at |test at |✖ failing tests:|(?:code|errno|operator|syscall|path|actual|expected): |❯ |\^+$|\d+ ?\||#|ℹ|Tests? |Test Files|Suites|Duration|Start at|Snapshots|npm (?:error|ERR!) (?:A complete log|\s*\/)|(?:npm (?:error|ERR!) )?.*_logs\/)|^⎯|^Node\.js v|Build failed with \d+ error/;

function weightOf(line: string): number {
  if (line === '' || NOISE.test(line)) return 0;
  if (NAMED.test(line)) return 3;
  if (TITLE.test(line)) return 2;
  return SOMEHOW.test(line) ? 1 : 0;
}

/** In this order: what a later rule would cut in two is taken by an earlier one. */
const VARIABLE: readonly [RegExp, string | ((text: string) => string)][] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  [/\b\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:z|[+-]\d\d:?\d\d)?/gi, '<time>'],
  [/\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b/g, '<time>'],
  [/\b(?:https?|wss?|postgres(?:ql)?):\/\/[^\s/'")]+/gi, '<host>'],
  [/(?:\b(?:\d{1,3}\.){3}\d{1,3}|\[?::1?\]?|\blocalhost):\d+\b/gi, '<host>'],
  [
    /(?:file:\/\/)?\/(?:private\/)?(?:tmp|var\/folders|dev\/shm|var\/tmp)\/[^\s'"`:,)/]+(?![^\s'"`:,)]*\/)/g,
    '<tmp>',
  ],
  [/(?:file:\/\/|[a-z]:)?(?:[\w.@~+-]*[\\/])+([\w.@+-]+)/gi, '$1'],
  [/\b(?:code:?|status:?|exit(?: code)?:?|http)\s*(\d{1,6})\b/gi, (text) => text.replace(/\d/g, keptDigit)],
  [/\bts\d{3,5}\b/gi, (text) => text.replace(/\d/g, keptDigit)],
  [/\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b/gi, '<id>'],
  [/\(?\b\d+(?:\.\d+)?\s?(?:ms|µs|ns|s|m|min|h)\b\)?/g, '<time>'],
  [/\d+(?:[.:]\d+)*/g, '<n>'],
];

/** Digits that tell one failure from another (codes) are out of reach of the rules for numbers until the end. */
const KEPT = 0xe000;
const keptDigit = (digit: string) => String.fromCharCode(KEPT + Number(digit));
const restored = (text: string) =>
  text.replace(/[\ue000-\ue009]/g, (mark) => String(mark.charCodeAt(0) - KEPT));

function normalForm(line: string): string {
  let form = line;
  for (const [pattern, by] of VARIABLE) form = form.replace(pattern, by as string);
  return restored(form)
    .toLowerCase()
    .replace(/(?:<time>|\s|[─⎯])+$/u, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, LONGEST_FORM);
}
