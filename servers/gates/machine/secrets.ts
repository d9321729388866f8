import { basename } from 'node:path';

/** Credentials that can be told by their form. A pattern matches whole tokens only, to stay quiet on prose. */
const PATTERNS: readonly { what: string; pattern: RegExp }[] = [
  { what: 'private key', pattern: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/ },
  { what: 'AWS access key', pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/ },
  { what: 'GitHub token', pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b/ },
  { what: 'GitLab token', pattern: /\bglpat-[A-Za-z0-9_-]{20,}/ },
  { what: 'npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b/ },
  { what: 'Slack token', pattern: /\bxox[abeoprs]-[A-Za-z0-9-]{20,}/ },
  {
    what: 'Slack webhook',
    pattern: /https:\/\/hooks\.slack\.com\/services\/T[A-Z0-9]+\/B[A-Z0-9]+\/[A-Za-z0-9]{20,}/,
  },
  { what: 'Stripe key', pattern: /\b[rs]k_live_[A-Za-z0-9]{20,}\b/ },
  { what: 'Google API key', pattern: /\bAIza[0-9A-Za-z_-]{35}\b/ },
  { what: 'Anthropic key', pattern: /\bsk-ant-[A-Za-z0-9_-]{30,}/ },
  { what: 'OpenAI key', pattern: /\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{40,}/ },
  { what: 'SendGrid key', pattern: /\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b/ },
  { what: 'Twilio key', pattern: /\bSK[0-9a-f]{32}\b/ },
  { what: 'Telegram bot token', pattern: /\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b/ },
  { what: 'Hugging Face token', pattern: /\bhf_[A-Za-z0-9]{34}\b/ },
  { what: 'DigitalOcean token', pattern: /\bdo[oprt]_v1_[0-9a-f]{64}\b/ },
  { what: 'Millwright credential', pattern: /\bmw_[A-Za-z0-9_-]{43}\b/ },
  {
    what: 'password in a URL',
    pattern: /\b[a-z][a-z0-9+]{1,15}:\/\/[^\s:@/]{1,80}:[^\s:@/$<{%*]{8,80}@[a-z0-9]/,
  },
];

/** Published by their makers as examples. */
const EXAMPLES = ['AKIAIOSFODNN7EXAMPLE'];
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
  return PATTERNS.filter(({ pattern }) => pieces.some((piece) => pattern.test(text(piece)))).map(
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
