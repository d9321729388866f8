import type { Db, Store, Tx } from '../../core/store/store.ts';
import { type Owner, readLine, type Staged } from './line.ts';
import { linesOf } from './lines.ts';
import {
  addEntries,
  arrange,
  dropKnown,
  dropStage,
  endSuperseded,
  inBulk,
  indexStage,
  linkAbout,
  makeStage,
  type Named,
  repeatedIds,
  settleIndex,
  stage,
  takenIds,
  unstage,
} from './staging.ts';

const BATCH = 200;
const PAGE = 5_000;
const EVERY = 20_000;
const MOST_NAMED = 20;

/** A line that can't be taken in, by its number from 1. */
export class BadLine extends Error {
  readonly line: number;
  constructor(line: number, why: string) {
    super(`Line ${line}: ${why.replace(/\.$/, '')}.`);
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
      await indexStage(db);
      await refuseUnfit(db, options, done);
      await arrange(db);
      await transaction(async (tx) => {
        await inBulk(tx);
        const staged = done.lines - done.skipped;
        done.known = await dropKnown(tx);
        for (let from = 0; from < staged; from += PAGE) {
          done.added += await addEntries(tx, from, PAGE);
          options.progress?.(`${Math.min(staged, from + PAGE)} of ${staged} entries`);
        }
        await linkAbout(tx);
        done.superseded = await endSuperseded(tx);
      });
      if (done.added > 0) await settleIndex(db);
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
  for await (const { n, text, tooLong } of linesOf(file)) {
    done.lines += 1;
    try {
      if (tooLong) throw new Error('it is too long');
      batch.push(readLine(text, n, options));
    } catch (error) {
      leaveOut(done, options, n, (error as Error).message);
    }
    if (batch.length === BATCH) {
      await stage(db, batch);
      batch = [];
    }
    if (done.lines % EVERY === 0) options.progress?.(`${done.lines} lines read`);
  }
  await stage(db, batch);
}

/** An id stands for one text: the store's entries never change, and a line must not pass as one of them. */
async function refuseUnfit(db: Db, options: ImportOptions, done: Imported): Promise<void> {
  const refused = async (lines: readonly Named[], why: string) => {
    for (const { n, foreign_id } of lines) leaveOut(done, options, n, `the id "${foreign_id}" ${why}`);
    await unstage(db, lines);
  };
  await refused(await repeatedIds(db), 'was there before');
  await refused(await takenIds(db), 'is that of an entry in the store that says something else');
}

function leaveOut(done: Imported, { skipBad }: ImportOptions, line: number, why: string): void {
  if (!skipBad) throw new BadLine(line, why);
  done.skipped += 1;
  if (done.bad.length < MOST_NAMED) done.bad.push({ line, why });
}
