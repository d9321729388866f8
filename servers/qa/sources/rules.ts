import type { Rule } from '@ast-grep/napi';
import type { Severity } from '../finding.ts';

/** A shape of code that is dangerous wherever it stands, as ast-grep matches it. */
export interface PatternRule {
  id: string;
  severity: Severity;
  /** What goes wrong, and what to write instead. */
  what: string;
  rule: Rule;
}

const any = (...patterns: string[]): Rule => ({ any: patterns.map((pattern) => ({ pattern })) });
/** A template with something in it, or a sum of texts: not a fixed text. */
const COMPOSED: Rule = {
  any: [
    { kind: 'template_string', has: { kind: 'template_substitution' } },
    { kind: 'binary_expression', has: { any: [{ kind: 'string' }, { kind: 'template_string' }] } },
  ],
};
const call = (callee: Rule, argument: Rule): Rule => ({
  kind: 'call_expression',
  all: [{ has: { field: 'function', ...callee } }, { has: { field: 'arguments', has: argument } }],
});
const named = (regex: string): Rule => ({ regex });

export const PATTERNS: readonly PatternRule[] = [
  {
    id: 'eval',
    severity: 'high',
    what: 'Text is run as code. Parse the data instead.',
    rule: {
      any: [
        call(named('^(?:eval|globalThis\\.eval|window\\.eval)$'), {
          any: [{ kind: 'identifier' }, { kind: 'member_expression' }, COMPOSED],
        }),
        { kind: 'new_expression', has: { field: 'constructor', regex: '^Function$' } },
      ],
    },
  },
  {
    id: 'shell-command',
    severity: 'high',
    what: 'A shell runs a command that is put together. Give a program and a list of arguments.',
    rule: call(named('^(?:(?:cp|childProcess|child_process)\\.)?(?:exec|execSync)$'), COMPOSED),
  },
  {
    id: 'shell-option',
    severity: 'medium',
    what: 'The program is started through a shell. Leave the option out.',
    rule: { kind: 'pair', pattern: { context: '({ shell: true })', selector: 'pair' } },
  },
  {
    id: 'sql-text',
    severity: 'high',
    what: 'SQL is put together from texts. Bind the values.',
    rule: call(named('(?:^|\\.)(?:prepare|query|execute|exec|raw|all|run|get)$'), {
      ...COMPOSED,
      all: [
        {
          regex:
            '(?i)^[`"\'(]\\s*(?:select\\s[\\s\\S]*\\sfrom|insert\\s+into|update\\s+\\S+\\s+set|delete\\s+from)\\b',
        },
        {
          regex:
            '(?i)(?:[=<>(,]|\\b(?:like|or|and|limit|offset|by))\\s*[\'"%]*(?:\\$\\{|["\'`]\\s*\\+\\s*[a-z(])',
        },
      ],
      // Placeholders that are put together, and names of tables that the program itself fixes, are no values.
      not: { regex: '[\'"`]\\?[\'"`,]|\\$\\{[A-Z0-9_]+\\}' },
    }),
  },
  {
    id: 'html-sink',
    severity: 'medium',
    what: 'Markup is put together and given to the page. Use textContent, or escape each value.',
    rule: {
      kind: 'assignment_expression',
      all: [
        { has: { field: 'left', regex: '\\.(?:innerHTML|outerHTML)$' } },
        {
          has: {
            field: 'right',
            any: [{ kind: 'identifier' }, { kind: 'member_expression' }, ...(COMPOSED.any ?? [])],
            not: { regex: '(?i)escape|sanitize|purify' },
          },
        },
      ],
    },
  },
  {
    id: 'document-write',
    severity: 'medium',
    what: 'document.write with something that is put together. Build elements.',
    rule: call(named('^document\\.write(?:ln)?$'), COMPOSED),
  },
  {
    id: 'tls-off',
    severity: 'high',
    what: 'Certificates are not checked. Trust the one authority that is meant.',
    rule: {
      any: [
        { pattern: { context: '({ rejectUnauthorized: false })', selector: 'pair' } },
        { kind: 'assignment_expression', regex: 'NODE_TLS_REJECT_UNAUTHORIZED[^=]*=\\s*[\'"`]?0' },
      ],
    },
  },
  {
    id: 'weak-password-hash',
    severity: 'high',
    what: 'A password goes through a fast hash. Use scrypt, argon2 or PBKDF2.',
    rule: {
      kind: 'call_expression',
      all: [
        {
          regex:
            '(?i)createHash\\(\\s*[\'"`](?:md5|sha1|sha256|sha512)[\'"`]\\s*\\)\\s*\\.update\\([^)]*passw',
        },
        { has: { field: 'function', regex: '\\.update$' } },
      ],
    },
  },
  {
    id: 'random-secret',
    severity: 'high',
    what: 'A secret comes from Math.random, which can be foretold. Use crypto.',
    rule: {
      kind: 'variable_declarator',
      all: [
        { has: { field: 'name', regex: '(?i)(?:token|secret|password|session_?id|nonce|api_?key|otp)$' } },
        { has: { field: 'value', regex: 'Math\\.random\\(\\)' } },
      ],
    },
  },
  {
    id: 'jwt-unverified',
    severity: 'high',
    what: 'A token counts without a signature. Name the algorithms that count.',
    rule: {
      any: [{ kind: 'pair', regex: '(?i)^[\'"]?alg(?:orithms?)?[\'"]?\\s*:\\s*\\[?\\s*[\'"]none[\'"]' }],
    },
  },
  {
    id: 'cors-any-credentials',
    severity: 'medium',
    what: 'Every origin may read with the credentials of the visitor. Name the origins.',
    rule: {
      kind: 'object',
      regex:
        '(?i)origin[\'"]?\\s*:\\s*(?:[\'"]\\*[\'"]|true)[\\s\\S]*credentials[\'"]?\\s*:\\s*true|credentials[\'"]?\\s*:\\s*true[\\s\\S]*origin[\'"]?\\s*:\\s*(?:[\'"]\\*[\'"]|true)',
      not: { has: { kind: 'object' } },
    },
  },
  {
    id: 'prototype-merge',
    severity: 'medium',
    what: 'Keys of a request are written into an object of the program. Take the named fields.',
    rule: any('Object.assign($A.prototype, $B)', '$A.__proto__ = $B'),
  },
  {
    id: 'weak-cipher',
    severity: 'high',
    what: 'A cipher that is broken or without a mode. Use aes-256-gcm with a fresh nonce.',
    rule: call(named('createCipher(?:iv)?$'), {
      kind: 'string',
      regex: '(?i)^[\'"](?:des|rc4|bf|[^\'"]*-ecb)',
    }),
  },
];
