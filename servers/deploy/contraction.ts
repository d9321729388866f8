import type { Migration } from '../core/target/target.ts';

/** A statement that takes something from the version that is still served, and why. */
export interface Contraction {
  database: string;
  migration: string;
  statement: string;
  why: string;
}

/** What a statement takes away, by how it begins; names come without quotes, in lower case. */
const TAKES: readonly (readonly [RegExp, string])[] = [
  [/^drop table/, 'drops a table'],
  [/^drop view/, 'drops a view'],
  [/^drop trigger/, 'drops a trigger'],
  [/^alter table .+? rename/, 'renames what the served version reads'],
  [/^alter table .+? drop/, 'drops a column'],
  [/^alter table .+? alter/, 'narrows a column'],
  [
    /^alter table .+? add .*\bnot null\b(?!.*\bdefault\b)/,
    'adds a column that the served version does not fill',
  ],
  [/^create unique index/, 'forbids rows that the served version may write'],
  [/^create trigger/, 'changes what the served version writes'],
  [/^delete\b/, 'deletes rows'],
  [/^(?:insert or )?replace\b/, 'overwrites rows'],
  [/^update\b(?!.*\bwhere\b)/, 'rewrites every row'],
  [/^(?:vacuum|attach|detach|reindex)\b/, 'is no change of a schema'],
  [/^pragma (?!foreign_keys|defer_foreign_keys)/, 'changes how the database works'],
];

/**
 * The statements of migrations that are not expansions: a release before this one must still run on the new schema,
 * and going back must find its data. Tables that a migration file itself made are its own to change.
 */
export function contractionsIn(migrations: readonly Migration[]): Contraction[] {
  return migrations.flatMap(({ database, name, sql }) => {
    const statements = statementsOf(sql);
    const own = new Set(
      statements.flatMap((one) => /^create table (?:if not exists )?(\S+?)(?:\s|\(|$)/.exec(one)?.[1] ?? []),
    );
    return statements.flatMap((statement) => {
      const [, why] = TAKES.find(([form]) => form.test(statement)) ?? [];
      if (why === undefined || own.has(tableOf(statement) ?? '')) return [];
      return [{ database, migration: name, statement: statement.slice(0, 200), why }];
    });
  });
}

const tableOf = (statement: string) =>
  (/^(?:drop table (?:if exists )?|alter table |delete from |update |replace into |insert or replace into )(\S+)/.exec(
    statement,
  ) ?? /^create unique index .+? on (\S+?)(?:\s|\(|$)/.exec(statement))?.[1]?.replace(/\(.*$/, '');

/** Statements in lower case, without comments, literals, quotes around names and surplus space. */
function statementsOf(sql: string): string[] {
  const plain = sql
    .replace(/--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'/g, (found) =>
      found.startsWith("'") ? "''" : ' ',
    )
    .replace(/["`[\]]/g, '');
  return plain
    .split(';')
    .map((one) => one.replace(/\s+/g, ' ').trim().toLowerCase())
    .filter((one) => one !== '');
}
