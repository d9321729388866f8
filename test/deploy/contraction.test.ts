import { expect, test } from 'vitest';
import { contractionsIn } from '../../servers/deploy/contraction.ts';

const of = (sql: string) =>
  contractionsIn([{ database: 'shop', name: '0002.sql', sql }]).map(({ why }) => why);

test.each([
  ['DROP TABLE orders;', 'drops a table'],
  ['drop /* quietly */ table if exists "orders"', 'drops a table'],
  ['-- only a rename\nALTER TABLE orders RENAME COLUMN a TO b;', 'renames'],
  ['ALTER TABLE [orders] DROP COLUMN a', 'drops a column'],
  ['ALTER TABLE orders ADD COLUMN note TEXT NOT NULL;', 'does not fill'],
  ['CREATE UNIQUE INDEX one ON orders (mail);', 'forbids rows'],
  ['DELETE FROM orders WHERE old = 1', 'deletes rows'],
  ['UPDATE orders SET a = 1;', 'rewrites every row'],
  ['PRAGMA writable_schema = 1;', 'how the database works'],
  ["INSERT INTO log VALUES ('; --'); DROP TABLE orders;", 'drops a table'],
])('%s: %s', (sql, why) => {
  expect(of(sql)).toEqual([expect.stringContaining(why)]);
});

test.each([
  'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);',
  'CREATE TABLE notes (id INTEGER); CREATE UNIQUE INDEX one ON notes (id); DROP TABLE notes;',
  "ALTER TABLE orders ADD COLUMN state TEXT NOT NULL DEFAULT 'new';",
  'ALTER TABLE orders ADD COLUMN note TEXT;',
  'CREATE INDEX faster ON orders (mail);',
  "INSERT INTO notes (text) VALUES ('drop table orders; delete from orders');",
  'UPDATE orders SET state = 1 WHERE state IS NULL;',
])('%s only adds', (sql) => {
  expect(of(sql)).toEqual([]);
});
