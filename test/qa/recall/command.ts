import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { z } from 'zod';

const LAUNCHER = fileURLToPath(new URL('../../../bin/millwright.cjs', import.meta.url));
/** After a polite end the command has this long to clean up, then its process group is killed. */
const GRACE_MS = 15_000;
const OUTPUT_BYTES = 64 << 20;

const Reported = z.object({
  class: z.string(),
  severity: z.enum(['critical', 'high', 'medium', 'low']),
  where: z.string(),
  what: z.string(),
  reproduce: z.string(),
  confirmed: z.boolean(),
});
const Report = z.object({
  verdict: z.enum(['PASS', 'FAIL', 'UNTESTED']),
  findings: z.array(Reported),
  checks: z.array(z.object({ name: z.string(), ran: z.boolean(), ms: z.number() })),
  not_tested: z.array(z.string()),
});
const EXITS = { PASS: 0, FAIL: 1, UNTESTED: 2 } as const;

/** One finding as `millwright qa --json` prints it. */
export type Reported = z.infer<typeof Reported>;
export type Report = z.infer<typeof Report>;

/** How one `millwright qa` ended. `fault` says why there is no report that can be scored. */
export interface Ran {
  report?: Report;
  fault?: string;
  /** Of the process; absent when a signal ended it. */
  exit?: number;
  /** All that it wrote, for those who look for what must not be in it. */
  output: string;
  ms: number;
}

export interface RunOptions {
  /** Where report.html and the pictures go. */
  out: string;
  /** The auth file. */
  auth?: string;
  /** The file of a task's criteria. */
  criteria?: string;
  env?: Record<string, string>;
  seconds: number;
  signal: AbortSignal;
  /** Told the id of the process as soon as it runs. */
  started?: (pid: number) => void;
}

/**
 * Runs the real `millwright qa FOLDER --json` as a stranger would, in a process group of its own that is gone when
 * this resolves. Never rejects for what the command does; rejects with the signal's reason when that is aborted.
 */
export async function millwrightQa(folder: string, options: RunOptions): Promise<Ran> {
  const { out, auth, criteria, env, seconds, signal, started } = options;
  const args = ['qa', folder, '--json', '--out', out];
  if (auth !== undefined) args.push('--auth', auth);
  if (criteria !== undefined) args.push('--criteria', criteria);
  const begun = performance.now();
  const child = execa(process.execPath, [LAUNCHER, ...args], {
    reject: false,
    detached: true,
    stdin: 'ignore',
    maxBuffer: OUTPUT_BYTES,
    timeout: seconds * 1_000,
    cancelSignal: signal,
    forceKillAfterDelay: GRACE_MS,
    ...(env && { env }),
  });
  if (child.pid !== undefined) started?.(child.pid);
  const { exitCode, stdout, stderr, timedOut } = await child;
  killGroup(child.pid);
  signal.throwIfAborted();
  const ms = Math.round(performance.now() - begun);
  const ended = { ...(exitCode !== undefined && { exit: exitCode }), output: `${stdout}\n${stderr}`, ms };
  if (timedOut) return { ...ended, fault: `not done after ${seconds} s` };
  if (exitCode === undefined) return { ...ended, fault: 'ended by a signal' };
  return { ...ended, ...scored(stdout, stderr, exitCode) };
}

/** The report, unless it is none, or contradicts the exit code, or says that nothing could be tested. */
function scored(stdout: string, stderr: string, exit: number): { report?: Report; fault?: string } {
  const report = Report.safeParse(parsed(stdout));
  if (!report.success)
    return { fault: `exit ${exit} without a report: ${(stdout.trim() || stderr.trim()).slice(-300)}` };
  const { verdict, not_tested } = report.data;
  if (EXITS[verdict] !== exit) return { fault: `exit ${exit} with the verdict ${verdict}` };
  if (verdict !== 'UNTESTED') return { report: report.data };
  return { report: report.data, fault: `UNTESTED: ${not_tested.join('; ').slice(0, 300)}` };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
