import { rowOf, type TestRow } from '../types.ts';

/** What makes an output a TAP stream: a line that says "ok" and nothing else is none. */
const STREAM = /^ *(?:TAP version \d+|1\.\.\d+\b|(?:not )?ok +\d+\b)/m;
const TAP = /^ *(not )?ok\b *(\d+)? *-? *(.*)$/;
const DIRECTIVE = /(?:^|\s)#\s*(skip|todo)\b.*$/i;
const CARGO = /^test (\S+)(?: - should panic)? \.\.\. (ok|FAILED|ignored)/;

/** The tests of a TAP stream (https://testanything.org), nested ones among them; a TODO counts as skipped. */
export function rowsOfTap(output: string): TestRow[] {
  if (!STREAM.test(output)) return [];
  return output.split(/\r?\n/).flatMap((line) => {
    const [, not, , said = ''] = TAP.exec(line) ?? [];
    if (!TAP.test(line) || line.length > 2_000) return [];
    const directive = DIRECTIVE.test(said);
    const name = said.replace(DIRECTIVE, '').replaceAll('\\#', '#');
    return [rowOf({ name, state: directive ? 'skipped' : not ? 'failed' : 'passed' })];
  });
}

/** The tests that `cargo test` names, one a line. */
export function rowsOfCargo(output: string): TestRow[] {
  return output.split(/\r?\n/).flatMap((line) => {
    const [, name, said] = CARGO.exec(line) ?? [];
    if (!name || !said) return [];
    return [rowOf({ name, state: said === 'ok' ? 'passed' : said === 'ignored' ? 'skipped' : 'failed' })];
  });
}
