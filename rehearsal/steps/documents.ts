import { BRIEF, DISPATCH, LAUNCH_PLAN, POSITIONING, SEO_AUDIT, SPEC } from '../texts.ts';
import { decide, editedDocument, forgedDecision, replayedDecision } from './decisions.ts';
import {
  attempt,
  complete,
  inputOf,
  type Kit,
  leave,
  newestArtifact,
  type Performance,
  remember,
} from './kit.ts';

const writes =
  (name: string, body: string, summary: string, note: string): Performance =>
  async (actor, { progress }) => {
    await leave(actor, name, body);
    await remember(actor, { kind: 'fact', text: note });
    await complete(actor, summary);
    progress.done(actor.agent, summary);
  };

/** Steps that are about documents: who writes one, who accepts it, and what the human decides. */
export const documentSteps: Record<string, Performance> = {
  scan: async (actor, kit) => {
    await leave(actor, 'brief', BRIEF);
    if ((await actor.tools()).includes('memory_write'))
      await attempt(kit, actor, 'memory.stale', 'task_complete', {
        summary: 'scored it, remembered nothing',
      });
    await remember(actor, {
      kind: 'decision',
      text: 'Testimonials scored 32 of 40: small vendors ask for them, and the tools there are cost too much for them.',
    });
    await complete(actor, 'scored the opportunity 32 of 40');
    kit.progress.done(actor.agent, 'scored the opportunity 32 of 40');
  },
  'write-spec': writes(
    'spec',
    SPEC,
    'wrote the specification',
    'The spec of testimonials asks for a form, a wall and a widget; each criterion can be seen from outside.',
  ),

  'accept-brief': async (actor, kit) => {
    const artifact = await inputOf(actor, 'brief');
    await actor.do('artifact_review', {
      artifact,
      verdict: 'accept',
      reasons: 'The evidence carries the score.',
    });
    const { checkpoint } = await actor.do('checkpoint_request', {
      name: 'opportunity-brief',
      title: 'Build testimonials?',
      artifact,
    });
    await forgedDecision(kit, checkpoint);
    await decide(kit, actor, 'opportunity-brief', checkpoint);
    await remember(actor, {
      kind: 'decision',
      text: 'We build testimonials: the evidence carried the score, and the human agreed.',
    });
    await complete(actor, 'accepted the brief; the human agreed');
  },

  position: async (actor, kit) => {
    const request = async () =>
      (
        await actor.do('checkpoint_request', {
          name: 'name-and-positioning',
          title: 'Is it Kindword?',
          artifact: await newestArtifact(actor, 'positioning'),
        })
      ).checkpoint;
    await leave(actor, 'positioning', POSITIONING.replace('Kindword.', 'Praisely.'));
    await editedDocument(kit, actor, await request(), 'positioning', POSITIONING);
    const checkpoint = await request();
    await replayedDecision(kit, checkpoint);
    await decide(kit, actor, 'name-and-positioning', checkpoint);
    await remember(actor, {
      kind: 'decision',
      text: 'The product is named Kindword, not Praisely; the human agreed.',
    });
    await complete(actor, 'named it Kindword; the human agreed');
  },

  'accept-spec': async (actor, kit) => {
    const artifact = await inputOf(actor, 'spec');
    await actor.do('artifact_review', {
      artifact,
      verdict: 'accept',
      reasons: 'Each criterion can be seen from outside.',
    });
    const { checkpoint } = await actor.do('checkpoint_request', {
      name: 'product-spec',
      title: 'Build to this spec?',
      artifact,
    });
    await decide(kit, actor, 'product-spec', checkpoint);
    await remember(actor, {
      kind: 'decision',
      text: 'The spec of testimonials is accepted as it stands; the human agreed.',
    });
    await complete(actor, 'accepted the spec; the human agreed');
  },

  dispatch: async (actor, kit, task) => {
    const role = kit.stage.roleFor('developer');
    await attempt(kit, actor, 'input.invalid', 'agent_spawn', { role, message: 'x'.repeat(5000) });
    const spawned = await actor.do('agent_spawn', { role, message: 'Build to the spec.' });
    await leave(actor, 'dispatch', DISPATCH);
    await remember(actor, {
      kind: 'next',
      text: `${task} had a developer started; look whether the build is submitted.`,
    });
    await complete(actor, 'had a developer started');
    kit.progress.done(actor.agent, 'asked for a developer');
    await startSpawned(kit, spawned);
  },

  'launch-plan': async (actor, kit) => {
    await leave(actor, 'launch-plan', LAUNCH_PLAN);
    const artifact = await newestArtifact(actor, 'launch-plan');
    const { checkpoint } = await actor.do('checkpoint_request', {
      name: 'launch-plan',
      title: 'Launch it this way?',
      artifact,
    });
    await decide(kit, actor, 'launch-plan', checkpoint);
    await remember(actor, {
      kind: 'decision',
      text: 'The launch goes by the plan that the human agreed to.',
    });
    await complete(actor, 'planned the launch; the human agreed');
  },

  'seo-audit': writes(
    'seo-audit',
    SEO_AUDIT,
    'audited how the product is found',
    'The search audit of testimonials is left; it was made on the first release.',
  ),
};

/** The host's part while no runner is up: starts the agent in a process of its own, with the brief it was given. */
async function startSpawned(kit: Kit, spawned: Record<string, unknown>): Promise<void> {
  if (spawned.queued !== false || typeof spawned.brief !== 'string')
    throw new Error('A run was queued although no runner is up.');
  const { agent } = await kit.stage.actor(String(spawned.agent));
  kit.progress.done('host', `started ${agent}`);
}
