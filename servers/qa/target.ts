import type { Layer, Sandbox, SandboxLimits } from '../core/sandbox/sandbox.ts';
import type { Criterion } from './criteria.ts';
import type { ProgramName } from './program.ts';

/** A user of the product under test: the headers that make a request theirs. */
export interface AuthUser {
  name: string;
  headers: Record<string, string>;
}

/** What `--auth FILE` holds. */
export interface Auth {
  users: AuthUser[];
  /** Headers of a session that has ended. */
  expired?: { headers: Record<string, string> };
  admin?: { headers: Record<string, string> };
}

/** One of our programs, to be run beside a freshly started product. */
export interface ProgramRun {
  program: ProgramName;
  /** Goes to the program's stdin as JSON, with `product` (how to start it, see product/start.ts) added. */
  input: Record<string, unknown>;
  limits: Partial<SandboxLimits> & { wallMs: number };
  /** Further folders that the program needs inside. */
  layers?: readonly Layer[];
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
  /** What the program says while it runs, line by line. */
  progress?: (line: string) => void;
}

export interface ProgramResult {
  /** Undefined when the program was killed by a limit or printed no JSON; `why` then says so. */
  report: unknown;
  why: string;
  /** Files that it left in `out/` of its folder: plain names, at most 200 files and 60 MB in all. */
  files: ReadonlyMap<string, Buffer>;
}

/**
 * What is tested. `worker` and `command` run product code, which only ever happens in the sandbox; `static` is a
 * folder of pages; `url` runs already, on loopback or on a host that was allowed by name; `sources` start nothing.
 */
export interface Target {
  kind: 'worker' | 'command' | 'static' | 'url' | 'sources';
  /** As the person named it. */
  shown: string;
  /** A throw-away copy of the sources; none for a URL. Checks may write into it. */
  folder?: string;
  /** The folder that was named, with its git; it is only read. */
  repository?: string;
  /** The product's dependencies, for runs in the sandbox. */
  layers: readonly Layer[];
  sandbox?: Sandbox;
  /** Why the product can not even be built. */
  fault?: string;
  /** The file that is started, relative to `folder`. */
  entry?: string;
  /** What a person types to start it. */
  start?: string;
  /** How it starts was only guessed: when it ends well without listening, it is a library. */
  guessed?: boolean;
  /** Where to begin, for a single page. */
  path?: string;
  /** Keeps a picture of a page as it is, for the comparison with an earlier one. */
  keep?: (name: string, bytes: Buffer) => void;
  /** The origin to print in reproductions. */
  origin: string;
  auth?: Auth;
  /** What the product was to do, and the checks that are to show it. */
  criteria?: readonly Criterion[];
  /** Hosts besides loopback that may be spoken to, as `host` or `host:port`. */
  allow: readonly string[];
  /** Starts the product anew, with empty data, and runs one of our programs beside it: in the sandbox, or for a URL here. */
  run(run: ProgramRun): Promise<ProgramResult>;
}
