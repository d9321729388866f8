import type { Command } from 'commander';
import { latestSubmission } from '../../servers/core/conditions.ts';
import { definitionOf } from '../../servers/core/factory/steps.ts';
import { pipelineId, taskId } from '../../servers/core/ids.ts';
import type { Services } from '../../servers/core/services.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { openFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { onInterrupt } from '../interrupt.ts';
import { type Io, type Result, shown } from '../io.ts';
import { beginPipeline } from '../line/begin.ts';
import { type Driven, drive } from '../line/drive.ts';
import { expectedOf, expectedText } from '../line/expected.ts';
import { liveView } from '../line/live.ts';
import { giveOutAgain, lastRunning, runsOf } from '../line/queries.ts';
import { asksYes, atTerminal } from '../prompt.ts';

interface RunOptions extends GlobalOptions {
  pipeline: string;
  resume?: boolean;
  yes?: boolean;
}

export function run(program: Command): void {
  program
    .command('run [request...]')
    .description(
      'the whole line for one request: starts a pipeline, runs its roles on your hosts, ends with the merged change',
    )
    .option('--pipeline <name>', 'feature, product, fix, or one of your own', 'feature')
    .option('--resume', 'go on with the pipeline that was interrupted')
    .option('--yes', 'do not ask after the expected cost')
    .action(
      handled<RunOptions>(async (io, options, ...words) => {
        const request = words.flat().filter(Boolean).join(' ');
        if (options.resume ? request !== '' : request === '')
          throw new CommandError(
            'REQUEST',
            options.resume ? '--resume takes no request: it goes on with the last one.' : 'What is wanted?',
            'Give either one sentence of what you want, or --resume.',
            EXIT.usage,
          );
        const { fleet, services } = await openFactory(options);
        try {
          return await line(io, options, { fleet, services, request });
        } finally {
          await services.close();
        }
      }),
    );
}

type Opened = Awaited<ReturnType<typeof openFactory>> & { request: string };

async function line(io: Io, options: RunOptions, { fleet, services, request }: Opened): Promise<Result> {
  const old = options.resume ? await toResume(services) : undefined;
  await sayCost(io, options, services, old);
  const stop = new AbortController();
  onInterrupt(() => stop.abort(), ['SIGINT', 'SIGTERM', 'SIGHUP']);
  const runner = await ownRunner(io, services, fleet);
  try {
    const pipeline = old?.id ?? (await beginPipeline(services, fleet.tools, options.pipeline, request));
    io.progress(
      `${pipelineId(pipeline)} ${old ? 'goes on' : 'started'}. Ctrl-C interrupts; --resume goes on.`,
    );
    const tell = (text: string) => io.progress(text);
    const look = await liveView(services, pipeline, tell);
    const driven = await drive({ services, pipeline, signal: stop.signal, tell, look });
    if (driven.state === 'interrupted') await runner.stop('The person who asked for it interrupted.');
    await look();
    return await resultOf(services, pipeline, driven);
  } finally {
    await runner.stop('The command ended.');
  }
}

async function toResume(services: Services): Promise<Row<'pipelines'>> {
  const found = await lastRunning(services.store.db);
  if (found) await giveOutAgain(services, found.id);
  if (found) return found;
  throw new CommandError(
    'NOTHING_TO_RESUME',
    'No pipeline is running.',
    'Start one: millwright run "REQUEST".',
  );
}

async function sayCost(io: Io, options: RunOptions, services: Services, old: Row<'pipelines'> | undefined) {
  const { factory, pipelines } = await services.factory();
  const definition = old ? definitionOf(old) : pipelines.get(options.pipeline);
  if (!definition)
    throw new CommandError(
      'NO_PIPELINE',
      `There is no pipeline "${shown(options.pipeline)}".`,
      `Name one of ${[...pipelines.keys()].join(', ')}.`,
      EXIT.usage,
    );
  io.progress(expectedText(await expectedOf(services.store.db, factory, definition)));
  if (options.yes || old) return;
  if (!atTerminal() || io.json)
    throw new CommandError(
      'NOT_CONFIRMED',
      'Nobody is here to agree to that cost.',
      'Run it at a terminal, or with --yes. Limits stand under `limits:` of the factory file.',
      EXIT.usage,
    );
  if (!(await asksYes('Start? [y/N] ')))
    throw new CommandError('NOT_CONFIRMED', 'Nothing was started.', 'Run it again when you want it.');
}

/** The fleet on loopback and a runner, for as long as this command runs. */
async function ownRunner(io: Io, services: Services, fleet: Opened['fleet']) {
  const [{ serveHttp }, { openRunner }] = await Promise.all([
    import('../../servers/core/http.ts'),
    import('../runner.ts'),
  ]);
  const server = await serveHttp({ services, fleet: fleet.tools });
  const runner = await openRunner(services, fleet.tools, server.url, io);
  let stopped: Promise<void> | undefined;
  return {
    stop(why: string) {
      stopped ??= runner.stop(why).then(() => server.close());
      return stopped;
    },
  };
}

async function resultOf(services: Services, pipeline: number, driven: Driven): Promise<Result> {
  const { db } = services.store;
  const id = pipelineId(pipeline);
  const submission = await latestSubmission(db, { pipeline, task: 0 });
  const runs = await runsOf(db, pipeline);
  const tokens = runs.reduce((sum, one) => sum + one.tokens, 0);
  const known = runs.map(({ micros }) => micros).filter((one) => one !== null);
  const micros = known.length === runs.length ? known.reduce((sum, one) => sum + one, 0) : null;
  const merged = submission?.merged_commit ?? null;
  const value = { pipeline: id, state: driven.state, merged, runs: runs.length, tokens, micros };
  if (driven.state === 'done') return { value, text: doneText(id, merged) };
  const failure = failureOf(id, driven);
  const exit = driven.state === 'interrupted' ? EXIT.interrupted : EXIT.failed;
  return { value, text: `${failure.message}\n${failure.remedy}`, exit, failure };
}

const doneText = (id: string, merged: string | null) =>
  [
    merged ? `${id} is done: merged as ${merged}.` : `${id} is done; it merged nothing.`,
    `Paper trail  millwright pipeline ${id}; millwright record verify${merged ? `; millwright gates verify ${merged}` : ''}`,
    ...(merged ? ['Get it       git pull factory main'] : []),
  ].join('\n');

function failureOf(id: string, driven: Exclude<Driven, { state: 'done' }>) {
  if (driven.state === 'interrupted')
    return {
      code: 'INTERRUPTED',
      message: `${id} was interrupted.`,
      remedy: 'Go on with `millwright run --resume`.',
    };
  if (driven.state === 'stuck')
    return {
      code: 'STUCK',
      message: `${taskId(driven.task)} is blocked: ${shown(driven.why, 300)}`,
      remedy: `See \`millwright pipeline ${id}\` and \`millwright runs\`; \`millwright run --resume\` gives the task out again.`,
    };
  return {
    code: 'NOT_DONE',
    message: `${id} is ${driven.state}.`,
    remedy: `See why with \`millwright pipeline ${id}\` and \`millwright runs\`.`,
  };
}
