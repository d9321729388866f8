import type { Severity } from '../finding.ts';

interface Advisory {
  id: string;
  /** The first version that is mended. */
  below: string;
  severity: Severity;
  what: string;
}

const one = (id: string, below: string, severity: Severity, what: string): Advisory => ({
  id,
  below,
  severity,
  what,
});

/**
 * A short list of advisories that met many products, for machines that can ask no registry; `npm audit` knows the
 * rest. A clean result against this list alone is told as such and never as "no known vulnerability".
 */
export const ADVISORIES: ReadonlyMap<string, readonly Advisory[]> = new Map([
  ['lodash', [one('CVE-2021-23337', '4.17.21', 'high', 'command injection through template')]],
  ['minimist', [one('CVE-2021-44906', '1.2.6', 'critical', 'prototype pollution')]],
  ['json5', [one('CVE-2022-46175', '1.0.2', 'high', 'prototype pollution through __proto__ keys')]],
  [
    'node-fetch',
    [one('CVE-2022-0235', '2.6.7', 'high', 'cookies and tokens sent to another host on a redirect')],
  ],
  ['axios', [one('CVE-2021-3749', '0.21.2', 'high', 'regular expression that runs without end')]],
  [
    'jsonwebtoken',
    [one('CVE-2022-23540', '9.0.0', 'high', 'signature check that can be passed by with no algorithm')],
  ],
  ['express', [one('CVE-2022-24999', '4.17.3', 'high', 'a query string that stops the server')]],
  ['qs', [one('CVE-2022-24999', '6.2.4', 'high', 'a query string that stops the server')]],
  ['moment', [one('CVE-2022-24785', '2.29.2', 'high', 'path traversal through a locale name')]],
  ['handlebars', [one('CVE-2021-23369', '4.7.7', 'critical', 'code run from a template')]],
  ['ejs', [one('CVE-2022-29078', '3.1.7', 'critical', 'code run from an option of the template')]],
  ['marked', [one('CVE-2022-21680', '4.0.10', 'high', 'regular expression that runs without end')]],
  ['serialize-javascript', [one('CVE-2020-7660', '3.1.0', 'high', 'code run from serialized data')]],
  ['tar', [one('CVE-2021-37713', '4.4.18', 'high', 'files written outside the folder')]],
  ['ws', [one('CVE-2024-37890', '5.2.4', 'high', 'a request with many headers stops the server')]],
  ['async', [one('CVE-2021-43138', '2.6.4', 'high', 'prototype pollution')]],
  ['y18n', [one('CVE-2020-7774', '3.2.2', 'high', 'prototype pollution')]],
  [
    'xmldom',
    [one('CVE-2021-32796', '0.7.0', 'medium', 'markup that changes its meaning when it is written again')],
  ],
  [
    'node-serialize',
    [one('CVE-2017-5941', '999.0.0', 'critical', 'code run from serialized data; no version is mended')],
  ],
  ['shell-quote', [one('CVE-2021-42740', '1.7.3', 'critical', 'command injection')]],
]);

/** Whether a version is older than another; a text that is no version is not. */
export function isBefore(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => /^(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number));
  if (!a || !b) return false;
  for (let at = 0; at < 3; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
