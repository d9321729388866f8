import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EXIT } from '../../cli/failures.ts';
import { table } from '../../cli/io.ts';
import type { Row, Surroundings } from './row.ts';
import { checkout } from './rows/checkout.ts';
import { claimScale } from './rows/claim_scale.ts';
import { claims } from './rows/claims.ts';
import { cloudflareRelease } from './rows/cloudflare_release.ts';
import { coldStart } from './rows/cold_start.ts';
import { localRelease } from './rows/local_release.ts';
import { memorySearch } from './rows/memory_search.ts';
import { pages } from './rows/pages.ts';
import { probeRequests } from './rows/probe_requests.ts';
import { qaRun } from './rows/qa_run.ts';
import { readTool } from './rows/read_tool.ts';
import { toolTokens, workerTokens } from './rows/tool_tokens.ts';
import { upMemory } from './rows/up_memory.ts';
import { wake } from './rows/wake.ts';
import { inScratch } from './scratch.ts';

const ROWS: Readonly<Record<string, (surroundings: Surroundings) => Promise<Row>>> = {
  'cold-start': coldStart,
  'read-tool': readTool,
  checkout,
  claims,
  'claim-scale': claimScale,
  wake,
  'tool-tokens': toolTokens,
  'worker-tokens': workerTokens,
  'up-memory': upMemory,
  'memory-search': memorySearch,
  'cloudflare-release': cloudflareRelease,
  'local-release': localRelease,
  pages,
  'probe-requests': probeRequests,
  'qa-run': qaRun,
};

const HELP = `Usage: npm run bench -- [--only NAME]... [--json]

Measures Millwright beside a bare echo server of the same SDK, or a bare loop on the same database, in turns on
this machine, and holds each figure against its bar. Each row is the middle one of three rounds.

  --only NAME  this row and no other: ${Object.keys(ROWS).join(', ')};
               may be repeated
  --json       print one object: {ok, rows: [{name, value, unit, echo, ratio, bar, pass}]}
  --help       print this

Exit codes: 0 every bar holds, 1 one was missed or could not be measured, 2 the command line is wrong,
130 interrupted.`;

interface Options {
  readonly json: boolean;
  readonly names: readonly string[];
}

async function main(): Promise<number> {
  const options = optionsOf(process.argv.slice(2));
  if (typeof options === 'string') return usage(options);
  if (options.names.length === 0) {
    process.stdout.write(`${HELP}\n`);
    return EXIT.ok;
  }
  try {
    const rows = await measure(options.names);
    print(options.json, rows);
    return rows.every(({ pass }) => pass) ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (process.exitCode === EXIT.interrupted)
      return failed(options.json, 'INTERRUPTED', 'The run was interrupted.');
    const message = error instanceof Error ? error.message : String(error);
    return failed(options.json, 'FAILED', message.split('\n')[0] ?? message);
  }
}

/** What was asked for, no names for --help, or what is wrong with the command line. */
function optionsOf(args: readonly string[]): Options | string {
  const flags = {
    json: { type: 'boolean' },
    help: { type: 'boolean' },
    only: { type: 'string', multiple: true },
  } as const;
  try {
    const { values } = parseArgs({ args: [...args], options: flags });
    if (values.help) return { json: false, names: [] };
    const names = values.only ?? Object.keys(ROWS);
    const unknown = names.find((name) => !Object.hasOwn(ROWS, name));
    if (unknown !== undefined) return `There is no row "${unknown}".`;
    return { json: values.json ?? false, names };
  } catch (error) {
    return (error as Error).message;
  }
}

function measure(names: readonly string[]): Promise<Row[]> {
  const progress = (line: string) => void process.stderr.write(`${line}\n`);
  return inScratch(async (scratch, signal) => {
    const rows: Row[] = [];
    for (const name of names) {
      const folder = join(scratch, name);
      await mkdir(folder, { recursive: true });
      const row = await ROWS[name]?.({ folder, signal, progress });
      if (row) rows.push(row);
    }
    return rows;
  });
}

function print(json: boolean, rows: readonly Row[]): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ ok: rows.every(({ pass }) => pass), rows })}\n`);
    return;
  }
  const cells = rows.map(({ name, value, unit, echo, ratio, bar, pass }) => [
    name,
    `${value} ${unit}`,
    String(echo ?? ''),
    String(ratio ?? ''),
    bar,
    pass ? 'yes' : 'NO',
  ]);
  process.stdout.write(`${table(['row', 'ours', 'bare', 'ratio', 'bar', 'holds'], cells)}\n`);
}

function usage(message: string): number {
  process.stderr.write(`${message} See --help.\n`);
  return EXIT.usage;
}

function failed(json: boolean, code: string, message: string): number {
  const remedy = 'Run it again on a machine that does nothing else.';
  if (json) process.stdout.write(`${JSON.stringify({ ok: false, error: { code, message, remedy } })}\n`);
  else process.stderr.write(`bench: ${message}\n${remedy}\n`);
  return EXIT.failed;
}

const exitCode = await main();
process.exitCode ??= exitCode;
