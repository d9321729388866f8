import type * as z from 'zod';
import type { Factory } from './factory/definition.ts';
import type { OwnWords } from './factory/parse.ts';
import type { Pipeline } from './factory/pipeline.ts';
import type { Session } from './identity.ts';
import type { JobRunner } from './jobs.ts';
import type { Capability } from './permissions.ts';
import type { Services } from './services.ts';
import type { Db, Tx } from './store/store.ts';

/** Everything a handler may know about the call it answers. */
export interface Call {
  readonly session: Session;
  readonly factory: Factory;
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  readonly words: OwnWords;
  /** Every tool that this process serves, whoever may call it. */
  readonly tools: ReadonlyMap<string, AnyTool>;
  readonly services: Services;
  /** For reads. In a tool that has a transaction, it is that transaction. */
  readonly db: Db;
  /** The one transaction of a `write` tool that stays inside the store; it also takes the record's entry. */
  readonly tx: Tx;
  /** Milliseconds since 1970, from the store's clock. */
  readonly now: number;
  readonly signal: AbortSignal;
  /** Names what the call is about in the record, for example `task:12`. */
  about(subject: string): void;
  /** For tools with an outside effect: a transaction of their own, between intent and outcome. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

export interface Tool<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  /** `noun_verb`; the file has the same name. */
  readonly name: string;
  readonly needs: Capability;
  /** MCP's annotations derive from it. */
  readonly effect: 'read' | 'write' | 'destructive';
  /**
   * True when the handler acts outside the store (git, the sandbox, a target). The pipeline then records the
   * intent first and the outcome after, instead of running the handler in one transaction.
   */
  readonly outside?: boolean;
  readonly description: string;
  readonly input: I;
  readonly output: O;
  handler(input: z.output<I>, call: Call): Promise<z.input<O>>;
}

/** A tool as the pipeline sees it, its types forgotten. */
export type AnyTool = Omit<Tool, 'handler'> & {
  handler(input: never, call: Call): Promise<Record<string, unknown>>;
};

/** Declares one tool: all that a tool author meets. */
export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(tool: Tool<I, O>): Tool<I, O> {
  return tool;
}

/** One server of the fleet: what its folder exports. */
export interface ServerModule {
  readonly name: string;
  /** Long work this server can run or resume, by job kind. */
  readonly jobs?: Readonly<Record<string, JobRunner>>;
  /** Runs when an agent's session was opened in this process, before its first call. */
  readonly sessionOpened?: SessionOpened;
}

export type SessionOpened = (services: Services, agent: string) => Promise<void>;

export interface FleetServer extends ServerModule {
  readonly tools: readonly AnyTool[];
}

/** Loads the servers a process was asked for. */
export type FleetLoader = () => Promise<{
  tools: ReadonlyMap<string, AnyTool>;
  jobs: Readonly<Record<string, JobRunner>>;
  sessionOpened: SessionOpened;
}>;
