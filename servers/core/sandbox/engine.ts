import { join } from 'node:path';
import { HOME, INSIDE_PATH, JOB, type Mount } from './layout.ts';
import { killNamespace } from './process-tree.ts';
import type { Enforced, Isolation, Layer, SandboxLimits } from './types.ts';

/** A run, checked and with all host paths resolved: what an engine turns into one process to start. */
export interface Plan {
  readonly command: readonly string[];
  /** Canonical host path of the writable folder. */
  readonly work: string;
  /** Normalized, relative to the writable folder. */
  readonly cwd: string;
  /** What the caller set; the engine adds PATH, HOME, TMPDIR, LANG and CI. */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: SandboxLimits;
  readonly layers: readonly Layer[];
  readonly mounts: readonly Mount[];
  /** Private host folder of this run, removed afterwards. */
  readonly scratch: string;
  /** The user id of this run, or the server's own. */
  readonly uid: number;
}

/** The process to start from outside. */
export interface Invocation {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** A file handed over as descriptor 3. */
  readonly fd3?: string;
  /** Descriptor 4 is a socket on which `INIT` asks whether the server still lives. */
  readonly asks?: true;
}

/**
 * Kills all that was started, and returns when it is dead: called while the started process lives (`hasEnded`
 * says when it no longer does), and once more after its end.
 */
export type EndTree = (leader: number, hasEnded: () => boolean) => Promise<void>;

/** One way to contain a run. Engines are tried in order and believed only after a probe. */
export interface Engine {
  readonly name: string;
  readonly isolation: Isolation;
  readonly enforced: Enforced;
  /** Why this engine can't even be tried here, or undefined. */
  obstacle(): string | undefined;
  /** Turns a plan into a process; may write into `plan.scratch`. */
  prepare(plan: Plan): Promise<Invocation>;
  endTree(plan: Plan): EndTree;
}

/** For engines with a pid namespace: the process that was started ends only when the namespace is empty. */
export const endNamespace = (): EndTree => killNamespace;

/** Drops from root to `uid` with no way back; set again here because changing the user clears pdeathsig. */
export const dropTo = (uid: number, gid = uid): string[] => [
  ...['setpriv', '--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups', '--pdeathsig', 'KILL'],
  ...['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--'],
];

/** Limits, then the environment, then the command: runs as the final user. */
export const limited = (plan: Plan, inside: Inside = PRIVATE_ROOT): string[] => [
  ...['prlimit', `--nproc=${plan.limits.processes}`, `--data=${plan.limits.dataBytes}`],
  ...[`--fsize=${plan.limits.fileBytes}`, '--core=0', '--'],
  ...['env', '-i', '-C', join(inside.job, plan.cwd), '--'],
  ...Object.entries({ ...inside.env, ...plan.env }).map(([name, value]) => `${name}=${value}`),
  ...plan.command,
];

/**
 * Put before the command in a pid namespace of its own: a shell as its first process reaps orphans, and its
 * end is the end of the whole namespace. Death signals are set up by now but do not fire for a server that died
 * while the namespace was made; so it asks over descriptor 4, and without an answer ends at once.
 */
export const INIT = ['sh', '-c', 'echo >&4 && read -r _ <&4 && { "$@" 4<&-; exit "$?"; }', 'run'];

/** Where the work folder is for the command, and the environment it starts from. */
export interface Inside {
  readonly job: string;
  readonly env: Readonly<Record<string, string>>;
}

const PRIVATE_ROOT: Inside = {
  job: JOB,
  env: { PATH: INSIDE_PATH, HOME, TMPDIR: '/tmp', LANG: 'C.UTF-8', CI: 'true' },
};
