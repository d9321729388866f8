/**
 * The start of a product as a program, for the sandbox: one JSON object on stdin, one JSON report on stdout.
 * Exits 0 whenever the question was answered.
 */
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { NotStarted, productStart, start } from './start.ts';

const job = z.strictObject({ product: productStart });
const ANSWER_MS = 15_000;
/** A process that fails at what it does after its start has done so by then. */
const ALONE_MS = 1_000;

const ask = (origin: string): Promise<Response> =>
  fetch(origin, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) });

async function started({ product }: z.infer<typeof job>) {
  const begun = performance.now();
  const ms = () => Math.round(performance.now() - begun);
  try {
    const running = await start(product);
    try {
      const answer = await ask(running.origin);
      if (product.kind === 'command') {
        await sleep(ALONE_MS);
        const isThere = await ask(running.origin).catch(() => undefined);
        const why = 'it answered once, and within a second it had ended by itself';
        if (!isThere) return { started: false, why, ms: ms() };
      }
      return {
        started: true,
        status: answer.status,
        type: answer.headers.get('content-type') ?? '',
        ms: ms(),
      };
    } catch (error) {
      return {
        started: false,
        why: `it does not answer: ${error instanceof Error ? error.message : error}`,
        ms: ms(),
      };
    } finally {
      await running.stop();
    }
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error;
    return { started: false, why: error.message, ms: ms() };
  }
}

const report = await started(job.parse(JSON.parse(await text(process.stdin))));
process.stdout.write(`${JSON.stringify(report)}\n`);
