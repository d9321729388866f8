import type { Command } from 'commander';
import type { Db } from '../../../servers/core/store/store.ts';
import { type Evaluation, evaluate, type Figures, ourArms } from '../../../servers/memory/search/evaluate.ts';
import { BadLine } from '../../../servers/memory/search/import.ts';
import { newestAt } from '../../../servers/memory/search/queries.ts';
import { readQuestions } from '../../../servers/memory/search/questions.ts';
import { withEntries } from '../../../servers/memory/search/throwaway.ts';
import { withFactory } from '../../factories.ts';
import { CommandError, EXIT } from '../../failures.ts';
import { handled } from '../../handled.ts';
import { type Result, shown, table } from '../../io.ts';
import { readable } from './import.ts';

interface EvalOptions {
  entries?: string;
  split?: string;
}

const MOST_NAMED = 10;

export function evalFile(memory: Command): void {
  memory
    .command('eval <file>')
    .description('how well the search finds what answers some questions: {question, expect: [id, …]} a line')
    .option('--entries <file>', 'search among the entries of a file instead of the factory')
    .option('--split <name>', 'only questions of this "split"')
    .action(
      handled<EvalOptions>(async (io, { entries, split, ...options }, file = '') => {
        const questions = await readQuestions(await readable(file), split).catch(refusal);
        if (questions.length === 0)
          throw new CommandError(
            'NO_QUESTIONS',
            'The file has no such question.',
            'Name another.',
            EXIT.usage,
          );
        const run = async (db: Db, now: number) => result(await evaluate(db, questions, ourArms(db, now)));
        if (entries === undefined)
          return withFactory(options, ({ store, clock }) => run(store.db, clock.now()));
        const path = await readable(entries);
        return withEntries(path, async ({ db }) => run(db, await newestAt(db)), io.progress).catch(refusal);
      }),
    );
}

function refusal(error: unknown): never {
  if (!(error instanceof BadLine)) throw error;
  throw new CommandError('BAD_LINE', error.message, 'Mend that line.');
}

function result({ questions, figures, missing }: Evaluation): Result {
  const percent = (share: number) => (share * 100).toFixed(1);
  const cells = figures.map((one: Figures) => [
    one.arm,
    percent(one.recall5),
    percent(one.recall10),
    one.mrr.toFixed(3),
    one.p50.toFixed(1),
    one.p99.toFixed(1),
    String(one.tokens),
    String(one.stale),
  ]);
  const headings = ['search', 'recall@5', 'recall@10', 'MRR', 'p50 ms', 'p99 ms', 'tokens', 'stale first'];
  const named = missing.slice(0, MOST_NAMED).map((id) => shown(id, 60));
  const lacking = `${missing.length} expected ids are no entry's, and their questions count as missed: ${named.join(', ')}${missing.length > MOST_NAMED ? ', …' : ''}`;
  return {
    value: { questions, figures, missing },
    text: [`${questions} questions`, table(headings, cells), missing.length > 0 ? lacking : '']
      .join('\n')
      .trimEnd(),
  };
}
