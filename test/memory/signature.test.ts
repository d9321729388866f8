import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { errorSignature, errorSignatures, signatureKey } from '../../servers/core/memory/signature.ts';

/** Recorded from the tools themselves, twice: another folder, other lines, other times. */
const log = (name: string) => readFileSync(new URL(`logs/${name}.log`, import.meta.url), 'utf8');

test.each([
  ['node', 'enoent: no such file or directory'],
  ['vitest', 'fail a.test.ts > adds two prices | assertionerror'],
  ['wrangler', 'could not resolve "gone.ts"'],
  ['git-merge', 'conflict (add): merge conflict in f'],
  ['git-clone', "fatal: repository 'none' does not exist"],
])('a failure of %s is known again on another line, in another folder, after another time', (name, head) => {
  const [once, again] = [errorSignatures(log(`${name}-one`)), errorSignatures(log(`${name}-two`))];
  expect(log(`${name}-one`)).not.toBe(log(`${name}-two`));
  expect(again).toEqual(once);
  expect(once.some((signature) => signature.includes(head))).toBe(true);
  expect(once[0]).toMatch(/^[0-9a-f]{16} \S/);
});

test('two tests that fail with the same words are two failures', () => {
  const signatures = errorSignatures(log('vitest-one'));
  const [adds, rounds] = ['adds two prices |', 'rounds down |'].map((title) =>
    signatures.find((signature) => signature.includes(title)),
  );
  expect(adds).toBeDefined();
  expect(rounds).toBeDefined();
  expect(signatureKey(adds ?? '')).not.toBe(signatureKey(rounds ?? ''));
});

test('errors of SQLite and Node, as they are thrown', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'signature-'));
  const open = (name: string) => {
    const db = new Database(join(folder, name));
    db.exec('create table shop (id integer primary key, name text not null unique)');
    return db;
  };
  const fault = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      return (error as Error).stack ?? '';
    }
    throw new Error('nothing failed');
  };
  const unique = (name: string) => {
    const db = open(name);
    db.exec("insert into shop (name) values ('a')");
    return fault(() => db.exec("insert into shop (name) values ('a')"));
  };
  const [one, other] = [unique('one.sqlite'), unique('two.sqlite')];
  const missing = fault(() => open('three.sqlite').exec('select * from gone'));
  const listen = (port: number) =>
    execa(
      process.execPath,
      ['-e', `const l = () => require('net').createServer().listen(${port}, '127.0.0.1'); l(); l();`],
      {
        reject: false,
      },
    );
  const [first, second] = await Promise.all([listen(46_117), listen(46_231)]);
  rmSync(folder, { recursive: true });

  expect(errorSignature(one)).toContain('unique constraint failed: shop.name');
  expect(errorSignature(other)).toBe(errorSignature(one));
  expect(errorSignature(missing)).not.toBe(errorSignature(one));
  expect(first.stderr).not.toBe(second.stderr);
  expect(errorSignature(first.stderr)).toContain('eaddrinuse');
  expect(errorSignature(second.stderr)).toBe(errorSignature(first.stderr));
});

test.each([
  ['Error: lock 9f86d081884c held by 4121', 'Error: lock 00aa11bb22cc held by 77', true],
  ['connect ECONNREFUSED 127.0.0.1:3000', 'connect ECONNREFUSED 127.0.0.1:41233', true],
  [
    'GATE_CLOSED: T-12 is not complete: smoke has not run',
    'GATE_CLOSED: T-7 is not complete: smoke has not run',
    true,
  ],
  ['Error: timed out after 30000ms', 'Error: timed out after 1.5s', true],
  [
    "src/a.ts(3,7): error TS2304: Cannot find name 'x'.",
    "/tmp/w/src/a.ts(9,1): error TS2304: Cannot find name 'x'.",
    true,
  ],
  ['error TS2304: Cannot find it', 'error TS2307: Cannot find it', false],
  ['upload failed [code: 10021]', 'upload failed [code: 10013]', false],
  ['Error: status 404', 'Error: status 500', false],
  ['TypeError: a is not a function', 'TypeError: b is not a function', false],
])('%j and %j: the same failure? %j', (one, other, same) => {
  expect(errorSignature(one) === errorSignature(other)).toBe(same);
});

test('a text without a failure has the signature of its first words; an empty one has none', () => {
  expect(errorSignature('  \n the page stays white \n')).toContain('the page stays white');
  expect(errorSignature('')).toBe('');
  expect(errorSignature('\u001b[31m \n')).toBe('');
});

test('a hostile text costs little', () => {
  const started = performance.now();
  for (const text of [
    '/'.repeat(300_000),
    'a'.repeat(300_000),
    '1'.repeat(300_000),
    'Error: x\n'.repeat(30_000),
    `${'a/'.repeat(400)}\n`.repeat(300),
  ])
    errorSignatures(text);
  expect(performance.now() - started).toBeLessThan(2_000);
});
