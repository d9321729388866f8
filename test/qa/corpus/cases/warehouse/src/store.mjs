import { DatabaseSync } from 'node:sqlite';

export function openStore() {
  const db = new DatabaseSync(':memory:');
  db.exec(`
    create table item (id integer primary key, name text, stock integer);
    create table supplier (id integer primary key, margin integer);
    insert into item values (1, 'Bolt', 900), (2, 'Nut', 420), (3, 'Washer', 77);
    insert into supplier values (1, 42);
  `);
  return {
    items: (sort) => db.prepare(`select id, name, stock from item order by ${sort} limit 100`).all(),
  };
}
