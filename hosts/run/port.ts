import type { Choice, HOST_KINDS } from '../../servers/core/factory/runs.ts';
import type { OsUser } from '../../servers/core/os_user.ts';
import type { Policy } from '../guard/policy.ts';

/** What a host said so far of one run, read from its stream; counts are of the host's own report. */
export interface Seen {
  /** Answers of the model. */
  turns: number;
  /** Tokens read anew, read from a cache, and written. */
  input: number;
  cached: number;
  output: number;
  /** What the host itself says that it cost, in micro-dollars; null while it says nothing. */
  micros: number | null;
  /** The newest words of the model. */
  said: string;
  /** What went wrong with the host or its provider, in the host's words; not what a tool answered. */
  failure: string | undefined;
}

/** Reads a host's stream, one line at a time. A line that is no event of that host changes nothing. */
export interface HostStream {
  take(line: string): void;
  readonly seen: Readonly<Seen>;
}

export const nothingSeen = (): Seen => ({
  turns: 0,
  input: 0,
  cached: 0,
  output: 0,
  micros: null,
  said: '',
  failure: undefined,
});

/** What one run is launched with. */
export interface LaunchInput {
  /** The run's own folder, empty and 0700; the host's configuration goes here. */
  readonly folder: string;
  /** Where the host works: the clone of the task, or an empty folder. */
  readonly cwd: string;
  readonly prompt: string;
  /** Mainline's CLAUDE.md or AGENTS.md; never the branch's. */
  readonly words: string;
  /** The fleet's address for this run, with `/mcp`, and the session it is called as. */
  readonly url: string;
  readonly token: string;
  readonly choice: Choice;
  /** Whether the role changes files, and so needs a shell and an editor. */
  readonly changes: boolean;
  /** What the guard lets the run do. */
  readonly policy: Policy;
  /** The runner's environment; what the host may see of it, the launch decides. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How a host's process is started; its environment is whole. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The user of the system to start it as; without one, that of the runner. */
  readonly user?: OsUser | undefined;
}

/** One kind of host: how it is launched without a person, and how its stream is read. */
export interface HostPort {
  readonly kind: (typeof HOST_KINDS)[number];
  launch(input: LaunchInput): Promise<Launch>;
  stream(): HostStream;
}

/** The name of the fleet in a run's host: its tools are `mcp__millwright__…`. */
export const SERVER = 'millwright';
