import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Db, Store, Tx } from '../../core/store/store.ts';
import { type Owner, readLine, type Staged } from './line.ts';
import {
  addEntries,
  arrange,
  dropKnown,
  dropStage,
  endSuperseded,
  linkAbout,
  makeStage,
  repeatedId,
  stage,
} from './staging.ts';

const BATCH = 200;
const PAGE = 5_000;
const LONGEST_LINE = 1_000_000;
const MOST_NAMED = 20;

/** A line that can't be taken in, by its number from 1. */
export class BadLine extends Error {
  readonly line: number;
  constructor(line: number, why: string) {
    super(`Line ${line}: ${why}.`);
    this.name = 'BadLine';
    this.line = line;
  }
}

export interface ImportOptions extends Owner {
  /** Leave lines out that are wrong, instead of taking none. */
  readonly skipBad?: boolean;
  progress?(line: string): void;
}

export interface Imported {
  lines: number;
  added: number;
  /** Lines whose entry was there already. */
  known: number;
  superseded: number;
  skipped: number;
  /** The first of the lines that were left out. */
  bad: { line: number; why: string }[];
}

/**
 * Takes a file of entries in, one a line: all of it in one transaction, or nothing. What is there already, by its
 * id or by saying the same, is left as it is, so that a second run adds nothing. The file is read line by line and
 * laid out in a temporary table; other writers of the store wait only for the last step. Throws `BadLine`.
 */
export async function importEntries(store: Store, file: string, options: ImportOptions): Promise<Imported> {
  return onOneConnection(store, async (db, transaction) => {
    const done: Imported = { lines: 0, added: 0, known: 0, superseded: 0, skipped: 0, bad: [] };
    await dropStage(db);
    await makeStage(db);
    try {
      await stageAll(db, file, options, done);
      await refuseRepeated(db, options, done);
      await arrange(db);
      await transaction(async (tx) => {
        const staged = done.lines - done.skipped;
        done.known = await dropKnown(tx);
        done.added = 0;
        for (let from = 0; from < staged; from += PAGE) {
          done.added += await addEntries(tx, from, PAGE);
          options.progress?.(`${Math.min(staged, from + PAGE)} of ${staged} entries`);
        }
        await linkAbout(tx);
        done.superseded = await endSuperseded(tx);
      });
      return done;
    } finally {
      await dropStage(db);
    }
  });
}

type Transaction = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

/** A temporary table belongs to one connection: SQLite has only one, of PostgreSQL's one is kept. */
function onOneConnection<T>(
  store: Store,
  work: (db: Db, transaction: Transaction) => Promise<T>,
): Promise<T> {
  if (store.dialect === 'sqlite') return work(store.db, store.transaction);
  return store.db
    .connection()
    .execute((db) => work(db, (inside) => db.transaction().execute((tx) => inside(tx))));
}

async function stageAll(db: Db, file: string, options: ImportOptions, done: Imported): Promise<void> {
  let batch: Staged[] = [];
  const lines = createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  for await (const text of lines) {
    done.lines += 1;
    if (text.trim() === '') {
      done.lines -= 1;
      continue;
    }
    try {
      if (text.length > LONGEST_LINE) throw new Error(`it is longer than ${LONGEST_LINE} characters`);
      batch.push(readLine(text, done.lines, options));
    } catch (error) {
      leaveOut(done, options, done.lines, (error as Error).message);
    }
    if (batch.length === BATCH) {
      await stage(db, batch);
      batch = [];
    }
    if (done.lines % 20_000 === 0) options.progress?.(`${done.lines} lines read`);
  }
  await stage(db, batch);
}

async function refuseRepeated(db: Db, options: ImportOptions, done: Imported): Promise<void> {
  for (const { n, foreign_id } of await repeatedId(db, options.skipBad === true))
    leaveOut(done, options, n, `the id "${foreign_id}" was there before`);
}

function leaveOut(done: Imported, { skipBad }: ImportOptions, line: number, why: string): void {
  if (!skipBad) throw new BadLine(line, why);
  done.skipped += 1;
  if (done.bad.length < MOST_NAMED) done.bad.push({ line, why });
}
