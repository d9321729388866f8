/**
 * The start of a product as a program, for the sandbox: one JSON object on stdin, one JSON report on stdout.
 * Exits 0 whenever the question was answered.
 */
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { NotStarted, productStart, start } from './start.ts';

const job = z.strictObject({ product: productStart });
const ANSWER_MS = 15_000;

async function started({ product }: z.infer<typeof job>) {
  const begun = performance.now();
  const ms = () => Math.round(performance.now() - begun);
  try {
    const running = await start(product);
    try {
      const answer = await fetch(running.origin, {
        redirect: 'manual',
        signal: AbortSignal.timeout(ANSWER_MS),
      });
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
