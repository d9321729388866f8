import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT } from '../../../cli/failures.ts';
import { cases, hostileProjects } from '../corpus/corpus.ts';
import { documentOf } from './document.ts';
import type { Figures } from './figures.ts';
import { chosen, HELP, isWhole, type Options, optionsOf } from './options.ts';
import { runEntries } from './run.ts';
import { tableOf } from './table.ts';

const DOCUMENT = fileURLToPath(new URL('../../../docs/figures/qa_recall.md', import.meta.url));

const tell = (line: string) => process.stderr.write(`${line}\n`);

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`${HELP}\n`);
    return EXIT.ok;
  }
  const [all, projects] = await Promise.all([cases(), hostileProjects()]);
  const hostile = projects.map((one) => ({ ...one, kind: 'hostile', expect: [one.expect] }));
  const options = optionsOf(
    args,
    [...all, ...hostile].map(({ id }) => id),
  );
  if (typeof options === 'string') {
    tell(`${options}\n\n${HELP}`);
    return EXIT.usage;
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => interrupted.abort(new Error('interrupted')));
  const ids = new Set(chosen([...all, ...hostile], options).map(({ id }) => id));
  const entries = {
    all,
    cases: all.filter(({ id }) => ids.has(id)),
    hostile: projects.filter(({ id }) => ids.has(id)),
  };
  const figures = await runEntries(entries, options, { signal: interrupted.signal, tell });
  if (interrupted.signal.aborted) tell('Interrupted; nothing is left running. What is known so far:');
  process.stdout.write(options.json ? `${JSON.stringify(figures, null, 2)}\n` : tableOf(figures));
  if (interrupted.signal.aborted) return EXIT.interrupted;
  await leave(figures, options);
  return figures.ok ? EXIT.ok : EXIT.failed;
}

/** The document is that of the whole corpus on one build, or it is not written. */
async function leave(figures: Figures, options: Options): Promise<void> {
  if (options.out) {
    await mkdir(dirname(resolve(options.out)), { recursive: true });
    await writeFile(options.out, `${JSON.stringify(figures, null, 2)}\n`);
  }
  if (isWhole(options) && figures.stale + figures.not_run === 0)
    await writeFile(DOCUMENT, documentOf(figures, new Date()));
}

process.exitCode = await main(process.argv.slice(2));
