/**
 * How well a run is contained. `full`: no host file outside the mounts, no host process, socket or network is
 * reachable, and the whole tree dies. `partial`: another user id only. `none`: an ordinary child process.
 */
export type Isolation = 'full' | 'partial' | 'none';

/** A host folder, mounted read-only inside at an absolute path (never inside /job or a system folder). */
export interface Layer {
  readonly from: string;
  readonly at: string;
}

/** Bounds of one run. Which of them the machine really holds, `SandboxResult.enforced` says. */
export interface SandboxLimits {
  /** Milliseconds until the whole tree is killed. */
  readonly wallMs: number;
  /** Bytes of stdout and stderr together; more ends the run. */
  readonly outputBytes: number;
  /** Processes and threads alive at once. */
  readonly processes: number;
  /** Data segment of each process, in bytes. Node does not start below about 1 GB. */
  readonly dataBytes: number;
  /** Size of each file written, in bytes. */
  readonly fileBytes: number;
  /** Size of each of the private /tmp, home and /dev/shm, in bytes. */
  readonly tmpBytes: number;
}

/** One command to run. */
export interface SandboxRun {
  /** Resolved inside; `node` is the server's own Node, git and other tools come from the host's /usr. */
  readonly command: readonly [string, ...string[]];
  /** Host folder, read-write at /job. No file in it may have a hard link outside it. */
  readonly work: string;
  /** Folder to start in, relative to /job. */
  readonly cwd?: string;
  /** The only environment besides PATH, HOME, TMPDIR, LANG and CI. */
  readonly env?: Readonly<Record<string, string>>;
  readonly layers?: readonly Layer[];
  /** `none` (default): own loopback only. `registry`: besides, the npm registry of the server, by a proxy. */
  readonly network?: 'none' | 'registry';
  readonly limits?: Partial<SandboxLimits>;
  readonly signal?: AbortSignal;
  /** Standard input; empty by default. */
  readonly input?: string;
}

/** What an engine holds, told truthfully: no total is claimed where only a part is bounded. */
export interface Enforced {
  readonly files: 'allow-list' | 'uid' | 'none';
  readonly network: 'namespace' | 'none';
  readonly tree: 'namespace' | 'uid' | 'best-effort';
  readonly uid: 'own' | 'server';
  readonly seccomp: boolean;
  readonly userNamespaces: 'closed' | 'open';
  readonly processes: 'total' | 'none';
  readonly memory: 'per-process' | 'none';
  readonly disk: 'per-file' | 'none';
  readonly tmp: 'total' | 'none';
}

export interface SandboxResult {
  /** Exit code of the command; by shell convention 128 + n if signal n ended it. `null` if the run was killed. */
  readonly exit: number | null;
  /** The signal that ended the run as a whole, if one did. */
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Output beyond `outputBytes` was dropped. */
  readonly truncated: boolean;
  readonly killedBy: 'time' | 'output' | 'abort' | null;
  readonly isolation: Isolation;
  readonly engine: string;
  readonly enforced: Enforced;
  readonly ms: number;
}

export interface Sandbox {
  readonly isolation: Isolation;
  readonly engine: string;
  readonly enforced: Enforced;
  /**
   * Runs one command. When the promise settles the whole process tree is dead (in `none`: as far as can be
   * known) and `work` belongs to the server again.
   *
   * @throws {SandboxError} if the run itself is not acceptable or could not be set up
   */
  run(run: SandboxRun): Promise<SandboxResult>;
}

/** The run was refused or could not be set up; the command did not decide this. */
export class SandboxError extends Error {
  override readonly name: string = 'SandboxError';
}

/** This machine can't contain project code as well as was asked. One sentence why, one with the way out. */
export class SandboxUnavailable extends SandboxError {
  override readonly name = 'SandboxUnavailable';
}
