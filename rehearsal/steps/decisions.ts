import type { Actor } from '../actor.ts';
import { type Kit, leave } from './kit.ts';

/** The human decides; the actor waits for it as any agent must. */
export async function decide(kit: Kit, actor: Actor, name: string, checkpoint: string): Promise<void> {
  kit.progress.doing('human', `decides on ${name}`);
  const signature = await kit.human.sign(checkpoint);
  if (!(await kit.human.handIn(checkpoint, signature)))
    throw new Error(`The decision on ${name} was not taken.`);
  kit.signatures.set(name, signature);
  const seen = await actor.do('task_wait', { checkpoint, seconds: 10 });
  kit.progress.done('human', `${name}: ${seen.state}`);
}

/** Somebody without the key hands in a decision. */
export async function forgedDecision(kit: Kit, checkpoint: string): Promise<void> {
  await falseDecision(kit, 'checkpoint.forged', checkpoint, await kit.human.forge(checkpoint));
}

/** The signature of the decision before is handed in for this one. */
export async function replayedDecision(kit: Kit, checkpoint: string): Promise<void> {
  const earlier = [...kit.signatures.values()].at(-1);
  if (earlier) await falseDecision(kit, 'checkpoint.replayed', checkpoint, earlier);
}

/** The human signs, and before that is handed in the document becomes another one. */
export async function editedDocument(
  kit: Kit,
  actor: Actor,
  checkpoint: string,
  name: string,
  edited: string,
): Promise<void> {
  const signature = await kit.human.sign(checkpoint);
  await leave(actor, name, edited);
  await falseDecision(kit, 'checkpoint.edited', checkpoint, signature);
}

async function falseDecision(kit: Kit, rule: string, checkpoint: string, signature: string): Promise<void> {
  const taken = await kit.human.handIn(checkpoint, signature);
  kit.expected.push({ rule, role: 'human', tool: 'approve' });
  kit.progress.done(
    'somebody',
    taken ? `a false decision was TAKEN (${rule})` : `a false decision was refused: ${rule}`,
  );
}
