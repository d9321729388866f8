/** Credentials that can be told by their form. A pattern matches whole tokens only, to stay quiet on prose. */
export const CREDENTIALS: readonly { what: string; pattern: RegExp }[] = [
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
export const EXAMPLES = ['AKIAIOSFODNN7EXAMPLE'];
