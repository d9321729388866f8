import { rowOf, type TestRow } from '../types.ts';

const TOKEN =
  /<!\[CDATA\[[\s\S]*?\]\]>|<!--[\s\S]*?-->|<(\/?)([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>/g;
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** Suites that name nothing: what a runner puts around all tests. */
const PLACEHOLDERS = new Set(['', 'test', 'root', 'pytest', 'vitest tests', 'jest tests']);

const decoded = (text: string) =>
  text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi, (whole, hex, dec, named) => {
    if (named) return ENTITIES[named.toLowerCase()] ?? whole;
    const code = hex ? Number.parseInt(hex, 16) : Number(dec);
    return code <= 0x10ffff ? String.fromCodePoint(code) : '';
  });

const attributesOf = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(ATTRIBUTE)].map(([, name, a, b]) => [name, decoded(a ?? b ?? '')]));

/**
 * The test cases of a JUnit XML report, as node:test, vitest, jest-junit, playwright, pytest, bun and others write
 * it. A case with a `failure` or `error` inside failed; one with `skipped` was skipped. Text that is no report gives
 * no rows.
 */
export function rowsOfJUnit(xml: string): TestRow[] {
  const rows: TestRow[] = [];
  const suites: Record<string, string>[] = [];
  let open: { attributes: Record<string, string>; state: TestRow['state']; message: string } | undefined;
  const close = () => {
    if (open) rows.push(rowFrom(open, suites));
    open = undefined;
  };
  for (const [, end, name = '', attributes = '', selfClosed] of xml.matchAll(TOKEN)) {
    const tag = name.toLowerCase();
    if (tag === 'testsuite') {
      if (end) suites.pop();
      else if (!selfClosed) suites.push(attributesOf(attributes));
    } else if (tag === 'testcase') {
      if (!end) open = { attributes: attributesOf(attributes), state: 'passed', message: '' };
      if (end || selfClosed) close();
    } else if (open && !end && (tag === 'failure' || tag === 'error')) {
      open.state = 'failed';
      open.message ||= attributesOf(attributes)['message'] ?? '';
    } else if (open && !end && tag === 'skipped' && open.state !== 'failed') open.state = 'skipped';
  }
  return rows;
}

function rowFrom(
  {
    attributes,
    state,
    message,
  }: { attributes: Record<string, string>; state: TestRow['state']; message: string },
  suites: readonly Record<string, string>[],
): TestRow {
  const { name = '', file, time, classname = '' } = attributes;
  const looksLikeFile = (text: string) => /\.[cm]?[jt]sx?$|\.py$|\.rb$/.test(text);
  const from =
    file ??
    suites.findLast((suite) => suite['file'])?.['file'] ??
    [classname, ...suites.map((suite) => suite['name'] ?? '')].find(looksLikeFile) ??
    '';
  const groups = suites
    .map((suite) => suite['name'] ?? '')
    .filter(
      (group) => !PLACEHOLDERS.has(group.toLowerCase()) && !looksLikeFile(group) && !name.startsWith(group),
    );
  const place = from === '' && groups.length === 0 && !PLACEHOLDERS.has(classname) ? classname : from;
  return rowOf({
    file: place,
    name: [...groups, name].join(' > '),
    state,
    ms: Number(time ?? 0) * 1000,
    message,
  });
}
