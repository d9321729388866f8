import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import * as z from 'zod';
import { VERSION } from '../../servers/core/version.ts';
import type { SuiteReport } from '../../servers/qa/checks.ts';
import type { Target } from '../../servers/qa/target.ts';
import { criteriaAt } from '../criteria_file.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { bad, good, type Io, shown } from '../io.ts';

interface QaOptions {
  auth?: string;
  out?: string;
  allow?: string[];
  criteria?: string;
}

/** What `millwright qa` exits with. */
const EXITS: Record<SuiteReport['verdict'], number> = { PASS: 0, FAIL: 1, UNTESTED: 2 };

export function qa(program: Command): void {
  program
    .command('qa <target>')
    .description(
      'test a product as hard as we can: a folder, an HTML page, or the URL of something that runs on this machine; needs no factory',
    )
    .option(
      '--auth <file>',
      'JSON: {users: [{name, headers}], expired?: {name?, headers}, admin?: {name?, headers}}',
    )
    .option(
      '--criteria <file>',
      'YAML or JSON: a list of {criterion, checks: [test or probe:KIND that shows it]}',
    )
    .option('--out <dir>', 'where report.html and the pictures go', 'millwright-qa')
    .option('--allow <host...>', 'hosts besides loopback that may be spoken to, and attacked')
    .addHelpText('after', '\nExit codes of qa: 0 PASS, 1 FAIL, 2 could not be tested.')
    .action(handled<QaOptions>((io, options, target = '') => test(io, options, target)));
}

/** Ctrl-C ends what runs, and everything is cleaned up before the process ends. */
async function test(io: Io, options: QaOptions, named: string): Promise<number> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  try {
    return await tested(io, options, named, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) {
      io.progress('interrupted; nothing is left running');
      return EXIT.interrupted;
    }
    throw untestable(error);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  }
}

async function tested(io: Io, options: QaOptions, named: string, signal: AbortSignal): Promise<number> {
  const auth = options.auth === undefined ? undefined : await authAt(options.auth);
  const criteria = options.criteria === undefined ? undefined : await criteriaAt(options.criteria);
  const out = resolve(options.out ?? 'millwright-qa');
  const { openTarget } = await import('../../servers/qa/open_target.ts');
  const { runSuite } = await import('../../servers/qa/checks.ts');
  const { withRoom } = await import('../../servers/qa/room.ts');
  const progress = (line: string) => io.progress(shown(line));
  const notes: string[] = [];
  const pictures = new Map<string, Buffer>();
  const report = await withRoom(async (room) => {
    const note = (what: string) => void notes.push(what);
    const opened = await openTarget(named, {
      room,
      allow: options.allow ?? [],
      progress,
      note,
      signal,
      ...(auth && { auth }),
    });
    const target: Target = {
      ...opened,
      ...(criteria && { criteria }),
      keep: (name, bytes) => void pictures.set(name, bytes),
    };
    return runSuite(target, { progress, signal });
  });
  const whole: SuiteReport = { ...report, not_tested: [...notes, ...report.not_tested] };
  const file = await leave(out, named, whole, pictures);
  progress(`report: ${file}`);
  await print(io, named, whole);
  return EXITS[whole.verdict];
}

/** Writes the report and the pictures, and compares these with those of the run before, if it was left here too. */
async function leave(
  out: string,
  named: string,
  report: SuiteReport,
  pictures: ReadonlyMap<string, Buffer>,
): Promise<string> {
  const { htmlReport } = await import('../../servers/qa/html/report.ts');
  const { changeBetween } = await import('../../servers/qa/html/compare.ts');
  const folder = join(out, 'pages');
  await mkdir(folder, { recursive: true });
  const pages = [];
  for (const [name, bytes] of pictures) {
    const before = await readFile(join(folder, name)).catch(() => undefined);
    const change = before && changeBetween(before, bytes);
    if (before) await writeFile(join(folder, name.replace('page-', 'before-')), before);
    await writeFile(join(folder, name), bytes);
    pages.push({ name: name.replace(/^page-|\.png$/g, ''), bytes, ...(change && { change }) });
  }
  const file = join(out, 'report.html');
  await writeFile(file, htmlReport({ target: named, report, at: Date.now(), version: VERSION, pages }));
  return file;
}

async function print(
  io: Io,
  target: string,
  { verdict, findings, checks, not_tested, ms }: SuiteReport,
): Promise<void> {
  const bare = findings.map(({ picture: _, ...finding }) => finding);
  if (io.json) {
    process.stdout.write(`${JSON.stringify({ target, verdict, findings: bare, checks, not_tested, ms })}\n`);
    return;
  }
  for (const { severity, class: kind, where, what } of bare)
    process.stdout.write(
      `${severity.padEnd(8)}  ${kind}: ${shown(what, 160)}\n          ${shown(where, 160)}\n`,
    );
  const { joined } = await import('../../servers/qa/not_tested.ts');
  for (const what of joined(not_tested)) process.stdout.write(`not tested: ${shown(what, 200)}\n`);
  process.stdout.write(`${verdict === 'PASS' ? good(verdict) : bad(verdict)}\n`);
}

const headers = z.record(z.string().max(200), z.string().max(10_000));
const name = z.string().min(1).max(100);
/** Only users are told apart by their names; elsewhere a name is taken and left unused. */
const someone = z
  .strictObject({ name: name.optional(), headers })
  .transform((one) => ({ headers: one.headers }));
const authFile = z.strictObject({
  users: z.array(z.strictObject({ name, headers })).max(20),
  expired: someone.optional(),
  admin: someone.optional(),
});

async function authAt(file: string): Promise<NonNullable<Target['auth']>> {
  try {
    const { users, expired, admin } = authFile.parse(JSON.parse(await readFile(resolve(file), 'utf8')));
    return { users, ...(expired && { expired }), ...(admin && { admin }) };
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? z.prettifyError(error)
        : error instanceof SyntaxError
          ? 'it is no JSON'
          : 'it cannot be read';
    throw new CommandError(
      'AUTH',
      `${shown(file)} says nothing about users: ${why}`,
      'See `millwright qa --help` for its form.',
      EXIT.usage,
    );
  }
}

/** Whatever keeps the test from being made is told with the way out, and exits with 2. */
function untestable(thrown: unknown): CommandError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error instanceof CommandError) return error;
  if (process.env.MILLWRIGHT_DEBUG) process.stderr.write(`${error.stack}\n`);
  const remedy =
    'remedy' in error && typeof error.remedy === 'string'
      ? error.remedy
      : '`millwright doctor` shows what this machine can do; with MILLWRIGHT_DEBUG=1 the command prints where it failed.';
  return new CommandError('UNTESTABLE', error.message.split('\n')[0] ?? '', remedy, EXIT.usage);
}
