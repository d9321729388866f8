import type { Severity } from '../finding.ts';

interface Advisory {
  /** As https://github.com/advisories/GHSA-… tells it, and the CVE that it stands for. */
  ghsa: string;
  cve: string;
  severity: Severity;
  what: string;
  /** Versions from the first up to, and without, the second, which is mended; none is where it is missing. */
  ranges: readonly (readonly [from: string, mended?: string])[];
}

/**
 * A short list of advisories that met many products, for machines that can ask no registry; `npm audit` knows the
 * rest. Ids, ranges and severities were read from github.com/github/advisory-database in November 2026, reviewed
 * advisories only. A clean result against this list alone is told as such and never as "no known vulnerability".
 */
export const ADVISORIES: ReadonlyMap<string, readonly Advisory[]> = new Map(
  Object.entries({
    lodash: of('GHSA-35jh-r3h4-6jhm', 'CVE-2021-23337', 'high', 'command injection through template', [
      ['0.0.0', '4.17.21'],
    ]),
    'lodash-es': of('GHSA-35jh-r3h4-6jhm', 'CVE-2021-23337', 'high', 'command injection through template', [
      ['0.0.0', '4.17.21'],
    ]),
    minimist: of('GHSA-xvch-5gv4-984h', 'CVE-2021-44906', 'critical', 'prototype pollution', [
      ['1.0.0', '1.2.6'],
      ['0.0.0', '0.2.4'],
    ]),
    json5: of('GHSA-9c47-m6qq-7p4h', 'CVE-2022-46175', 'high', 'prototype pollution through __proto__ keys', [
      ['2.0.0', '2.2.2'],
      ['0.0.0', '1.0.2'],
    ]),
    'node-fetch': of(
      'GHSA-r683-j2x4-v87g',
      'CVE-2022-0235',
      'high',
      'cookies and tokens sent to another host on a redirect',
      [
        ['3.0.0', '3.1.1'],
        ['0.0.0', '2.6.7'],
      ],
    ),
    axios: of('GHSA-cph5-m8f7-6c5x', 'CVE-2021-3749', 'high', 'a regular expression that runs without end', [
      ['0.0.0', '0.21.2'],
    ]),
    jsonwebtoken: of(
      'GHSA-qwph-4952-7xr6',
      'CVE-2022-23540',
      'medium',
      'a signature check that can be passed by where no algorithm is named',
      [['0.0.0', '9.0.0']],
    ),
    qs: of('GHSA-hrpp-h998-j3pp', 'CVE-2022-24999', 'high', 'a query string that stops the server', [
      ['6.10.0', '6.10.3'],
      ['6.9.0', '6.9.7'],
      ['6.8.0', '6.8.3'],
      ['6.7.0', '6.7.3'],
      ['6.6.0', '6.6.1'],
      ['6.5.0', '6.5.3'],
      ['6.4.0', '6.4.1'],
      ['6.3.0', '6.3.3'],
      ['0.0.0', '6.2.4'],
    ]),
    moment: of('GHSA-8hfj-j24r-96c4', 'CVE-2022-24785', 'high', 'path traversal through a locale name', [
      ['0.0.0', '2.29.2'],
    ]),
    handlebars: of('GHSA-f2jv-r9rf-7988', 'CVE-2021-23369', 'critical', 'code run from a template', [
      ['0.0.0', '4.7.7'],
    ]),
    ejs: of('GHSA-phwq-j96m-2c2q', 'CVE-2022-29078', 'critical', 'code run from an option of the template', [
      ['0.0.0', '3.1.7'],
    ]),
    marked: of(
      'GHSA-rrrm-qjm4-v8hf',
      'CVE-2022-21680',
      'high',
      'a regular expression that runs without end',
      [['0.0.0', '4.0.10']],
    ),
    'serialize-javascript': of(
      'GHSA-hxcc-f52p-wc94',
      'CVE-2020-7660',
      'high',
      'code run from serialized data',
      [['0.0.0', '3.1.0']],
    ),
    tar: of('GHSA-5955-9wpr-37jh', 'CVE-2021-37713', 'high', 'files written outside the folder, on Windows', [
      ['6.0.0', '6.1.9'],
      ['5.0.0', '5.0.10'],
      ['0.0.0', '4.4.18'],
    ]),
    ws: of('GHSA-3h5v-q93c-6h6q', 'CVE-2024-37890', 'high', 'a request with many headers stops the server', [
      ['8.0.0', '8.17.1'],
      ['7.0.0', '7.5.10'],
      ['6.0.0', '6.2.3'],
      ['2.1.0', '5.2.4'],
    ]),
    async: of('GHSA-fwr7-v2mv-hh25', 'CVE-2021-43138', 'high', 'prototype pollution', [
      ['3.0.0', '3.2.2'],
      ['2.0.0', '2.6.4'],
    ]),
    y18n: of('GHSA-c4w7-xm78-47vh', 'CVE-2020-7774', 'high', 'prototype pollution', [
      ['5.0.0', '5.0.5'],
      ['4.0.0', '4.0.1'],
      ['0.0.0', '3.2.2'],
    ]),
    'node-serialize': of(
      'GHSA-q4v7-4rhw-9hqm',
      'CVE-2017-5941',
      'critical',
      'code run from serialized data',
      [['0.0.0']],
    ),
    'shell-quote': of('GHSA-g4rg-993r-mgx7', 'CVE-2021-42740', 'critical', 'command injection', [
      ['0.0.0', '1.7.3'],
    ]),
  }),
);

function of(
  ghsa: string,
  cve: string,
  severity: Severity,
  what: string,
  ranges: Advisory['ranges'],
): Advisory[] {
  return [{ ghsa, cve, severity, what, ranges }];
}

/** The range of an advisory that a version lies in; none for a text that is no version. */
export const rangeOf = ({ ranges }: Advisory, version: string) =>
  ranges.find(
    ([from, mended]) =>
      !isBefore(version, from) && (mended === undefined ? isVersion(version) : isBefore(version, mended)),
  );

const NUMBERS = /^(\d+)\.(\d+)\.(\d+)/;
const isVersion = (text: string) => NUMBERS.test(text);

function isBefore(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => NUMBERS.exec(text)?.slice(1).map(Number));
  if (!a || !b) return false;
  for (let at = 0; at < 3; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
