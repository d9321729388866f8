import type { Command } from 'commander';
import type { Store } from '../../../servers/core/store/store.ts';
import { type Embedder, EmbeddingsFault, embedderOf } from '../../../servers/memory/search/embeddings.ts';
import {
  type Evaluation,
  evaluate,
  type Figures,
  OURS,
  ourArms,
  WITH_EMBEDDINGS,
  withEmbeddings,
} from '../../../servers/memory/search/evaluate.ts';
import { embedAll, isGain, saveMeasured } from '../../../servers/memory/search/hybrid.ts';
import { BadLine } from '../../../servers/memory/search/import.ts';
import { newestAt } from '../../../servers/memory/search/queries.ts';
import { readQuestions } from '../../../servers/memory/search/questions.ts';
import { withEntries } from '../../../servers/memory/search/throwaway.ts';
import { withFactory } from '../../factories.ts';
import { CommandError, EXIT } from '../../failures.ts';
import { type GlobalOptions, handled } from '../../handled.ts';
import { type Io, type Result, shown, table } from '../../io.ts';
import { readable } from './import.ts';

interface EvalOptions {
  entries?: string;
  split?: string;
  embeddings?: boolean;
}

const MOST_NAMED = 10;

export function evalFile(memory: Command): void {
  memory
    .command('eval <file>')
    .description('how well the search finds what answers some questions: {question, expect: [id, …]} a line')
    .option('--entries <file>', 'search among the entries of a file instead of the factory')
    .option('--split <name>', 'only questions of this "split"')
    .option(
      '--embeddings',
      'also with embeddings by $MILLWRIGHT_EMBEDDINGS_URL and _MODEL; a gain in a factory switches them on',
    )
    .action(handled<EvalOptions>((io, options, file = '') => measured(io, options, file).catch(refusal)));
}

async function measured(
  io: Io,
  { entries, split, embeddings, ...options }: EvalOptions & GlobalOptions,
  file: string,
): Promise<Result> {
  const questions = await readQuestions(await readable(file), split);
  if (questions.length === 0)
    throw new CommandError('NO_QUESTIONS', 'The file has no such question.', 'Name another.', EXIT.usage);
  const embedder = embeddings ? configured() : undefined;
  const run = async ({ store, now, home }: { store: Store; now: number; home?: string }) => {
    const arms = ourArms(store.db, now);
    if (!embedder) return result(await evaluate(store.db, questions, arms));
    await embedAll(store, embedder, io.progress);
    const evaluation = await evaluate(store.db, questions, [
      ...arms,
      withEmbeddings(embedder, store.db, now),
    ]);
    return decided(evaluation, embedder, home);
  };
  if (entries === undefined)
    return withFactory(options, ({ store, clock, paths }) =>
      run({ store, now: clock.now(), home: paths.home }),
    );
  const path = await readable(entries);
  return withEntries(path, async (store) => run({ store, now: await newestAt(store.db) }), io.progress);
}

function configured(): Embedder {
  const embedder = embedderOf(process.env);
  if (embedder) return embedder;
  throw new EmbeddingsFault('No endpoint for embeddings is configured.');
}

/** In a factory the measurement decides from now on whether its searches use embeddings. */
async function decided(
  evaluation: Evaluation,
  { url, model }: Embedder,
  home: string | undefined,
): Promise<Result> {
  const shares = new Map(evaluation.figures.map(({ arm, recall5 }) => [arm, recall5]));
  const measure = {
    url,
    model,
    questions: evaluation.questions,
    without: shares.get(OURS) ?? 0,
    with: shares.get(WITH_EMBEDDINGS) ?? 0,
  };
  const { value, text } = result(evaluation);
  const on = home !== undefined && isGain(measure);
  if (home !== undefined) await saveMeasured(home, measure);
  const said = on
    ? `Embeddings by ${shown(model, 80)} are switched on for this factory.`
    : isGain(measure)
      ? 'A gain among these entries; only one measured in a factory switches embeddings on there.'
      : 'No gain of two points of recall@5 over at least twenty questions: embeddings stay off.';
  return { value: { ...value, embeddings: { ...measure, on } }, text: `${text}\n${said}` };
}

function refusal(error: unknown): never {
  if (error instanceof BadLine) throw new CommandError('BAD_LINE', error.message, 'Mend that line.');
  if (error instanceof EmbeddingsFault)
    throw new CommandError(
      'NO_EMBEDDINGS',
      error.message,
      'Set $MILLWRIGHT_EMBEDDINGS_URL, _MODEL and, if it wants one, _KEY; and look whether it runs.',
    );
  throw error;
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
