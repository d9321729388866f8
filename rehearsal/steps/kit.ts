import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Actor } from '../actor.ts';
import type { Human } from '../human.ts';
import type { Progress } from '../progress.ts';
import { gitAs, PRODUCT, type Stage } from '../stage.ts';

/** A refusal that a rule owes us. */
export interface Expected {
  rule: string;
  role: string;
  tool: string;
}

export interface Recovery {
  task: string;
  from: string;
  to: string;
  fence: number;
}

/** What the steps of one rehearsal share. */
export interface Kit {
  stage: Stage;
  human: Human;
  progress: Progress;
  pipeline: string;
  /** Refusals that were asked for; the record says later which of them happened. */
  expected: Expected[];
  recovered: Recovery[];
  /** Signatures of earlier decisions, for whoever wants to use one twice. */
  signatures: Map<string, string>;
  /** A host session that two roles share, which makes them one person. */
  hostSession: string;
  /** What QA's FAIL taught; empty when its role may record none. */
  lesson: string;
  /** A commit that was submitted after the PASS. */
  moved: string;
  /** Where the product answers, once it does. */
  url: string;
  /** The folders of the next two versions, from when mainline has the first. */
  prepared?: Promise<string>[];
}

/** What one step of the pipeline does when it is taken out. */
export type Performance = (actor: Actor, kit: Kit, task: string) => Promise<void>;

/**
 * Asks for something a rule forbids. Whether it was refused is read from the record at the end.
 *
 * @param refusedAt where the record has the refusal, when that is not the tool itself
 */
export async function attempt(
  kit: Kit,
  actor: Actor,
  rule: string,
  tool: string,
  args: Record<string, unknown> = {},
  refusedAt = tool,
): Promise<void> {
  const { text, refused } = await actor.call(tool, args);
  kit.expected.push({ rule, role: actor.role, tool: refusedAt });
  kit.progress.done(
    actor.agent,
    refused ? `${tool} refused: ${text.split('\n')[0]?.slice(0, 110)}` : `${tool} was NOT refused (${rule})`,
  );
}

/** Leaves one document on the held task. */
export async function leave(actor: Actor, name: string, body: string): Promise<void> {
  await actor.do('artifact_put', { name, media: 'text/markdown', body });
}

interface Remembered {
  kind: 'fact' | 'decision' | 'thread' | 'next';
  text: string;
  about?: string[];
}

/** Writes down what the agent's next session must know; a factory file may grant a role no memory. */
export async function remember(actor: Actor, ...entries: Remembered[]): Promise<void> {
  if ((await actor.tools()).includes('memory_write')) await actor.do('memory_write', { entries });
}

/** Hands the held task in. */
export async function complete(actor: Actor, summary: string, outcome: 'done' | 'failed' = 'done') {
  return actor.do('task_complete', { summary, outcome });
}

/** The id of an artifact the brief or the task names. */
export async function inputOf(actor: Actor, name: string): Promise<string> {
  const brief = await actor.do('task_checkout');
  const found = brief.inputs.find((input: { name: string }) => input.name === name);
  if (!found) throw new Error(`The brief of ${brief.task} names no "${name}".`);
  return found.artifact;
}

/** The id of what the held task left last under this name. */
export async function newestArtifact(actor: Actor, name: string): Promise<string> {
  const { task } = await actor.do('task_checkout');
  const { artifacts } = await actor.do('task_show', { task });
  return artifacts.findLast((artifact: { name: string }) => artifact.name === name).artifact;
}

/** Takes a task as soon as its former holder's lease has ended. */
export async function takeWhenFree(actor: Actor, task: string) {
  for (let waits = 0; waits < 10; waits++) {
    const { still_waiting } = await actor.do('task_wait', { seconds: 5 });
    if (!still_waiting) return actor.do('task_checkout', { task });
  }
  throw new Error(`${task} was not given back.`);
}

/** Writes the files of a build into a workspace and commits them, as the agent would. Returns the commit. */
export async function commitFiles(
  actor: Actor,
  workspace: string,
  build: string,
  message: string,
): Promise<string> {
  await cp(join(PRODUCT, build), workspace, { recursive: true });
  return commitAll(actor, workspace, message);
}

export async function commitAll(actor: Actor, workspace: string, message: string): Promise<string> {
  await gitAs(actor.agent, workspace, ['add', '-A']);
  await gitAs(actor.agent, workspace, ['commit', '-q', '-m', message]);
  return (await gitAs(actor.agent, workspace, ['rev-parse', 'HEAD'])).trim();
}
