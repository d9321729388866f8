import { RESOURCES } from '../texts.ts';
import { sideChange } from './build.ts';
import { attempt, complete, type Kit, leave, type Performance, remember } from './kit.ts';
import { prepareVersions } from './versions.ts';

const PLAN = {
  product: 'testimonials',
  target: 'local',
  resources: [
    { kind: 'worker', name: 'testimonials' },
    { kind: 'd1', name: 'testimonials' },
  ],
};

/** Infrastructure, release and verification: one role proposes, another approves, the server acts. */
export const shippingSteps: Record<string, Performance> = {
  'propose-infra': async (actor, kit) => {
    await attempt(kit, actor, 'input.invalid', 'infra_propose', { ...PLAN, product: '; rm -rf /' });
    const { plan } = await actor.do('infra_propose', PLAN);
    await attempt(kit, actor, 'infra.unapproved', 'infra_apply', { plan });
    await remember(actor, {
      kind: 'fact',
      text: `${plan} proposes one Worker and one database for testimonials; somebody else approves it.`,
      about: ['database:testimonials'],
    });
    await complete(actor, 'proposed one Worker and one database');
    kit.progress.done(actor.agent, `proposed ${plan}: one Worker, one database`);
  },

  'approve-infra': async (actor, kit) => {
    const { plans } = await actor.do('infra_list');
    const { plan, digest } = plans.at(-1);
    await actor.do('infra_review', {
      plan,
      digest,
      verdict: 'accept',
      reasons: 'Exactly what the spec stores.',
    });
    await remember(actor, { kind: 'decision', text: `Approved ${plan}: exactly what the spec stores.` });
    await complete(actor, 'approved the plan');
    kit.progress.done(actor.agent, `approved ${plan}`);
  },

  'apply-infra': async (actor, kit) => {
    const { plan } = await actor.do('infra_apply');
    await leave(actor, 'resources', RESOURCES);
    await remember(actor, {
      kind: 'fact',
      text: `${plan} is applied: the Worker and the database of testimonials exist.`,
      about: ['database:testimonials'],
    });
    await complete(actor, 'the resources exist');
    kit.progress.done(actor.agent, `had ${plan} applied`);
  },

  land: async (actor, kit) => {
    const { commit } = await actor.do('change_merge');
    await remember(actor, { kind: 'fact', text: `Mainline is ${commit}.`, about: ['branch:mainline'] });
    await complete(actor, 'mainline is the commit that passed');
    kit.progress.done(actor.agent, `merged ${commit.slice(0, 12)}`);
    kit.prepared = prepareVersions(kit);
  },

  release: async (actor, kit) => {
    await movedCommit(kit);
    kit.progress.doing(actor.agent, 'the release is cut');
    await attempt(kit, actor, 'release.changed', 'release_cut', {
      pipeline: kit.pipeline,
      commit: kit.moved,
    });
    const { release } = await actor.do('release_cut');
    kit.progress.doing(actor.agent, `${release} goes on, step by step`);
    const { state, url, why } = await actor.do('release_advance');
    if (state !== 'live') throw new Error(`${release} is ${state}: ${why}`);
    kit.url = url;
    await remember(actor, {
      kind: 'fact',
      text: `${release} of testimonials was cut and answers.`,
      about: ['release:testimonials'],
    });
    await complete(actor, `${release} answers`);
    kit.progress.done(actor.agent, `${release} answers at ${url}`);
  },

  verify: async (actor, kit) => {
    const verified = await actor.do('release_verify');
    await remember(actor, {
      kind: 'fact',
      text: `Verified ${verified.checks.length} endpoints of the first release of testimonials.`,
      about: ['release:testimonials'],
    });
    await complete(actor, 'every endpoint answers as promised');
    kit.progress.done(actor.agent, `verified ${verified.checks.length} endpoints`);
  },
};

/** After the PASS a developer submits one more commit, "only a comment". */
async function movedCommit(kit: Kit): Promise<void> {
  const { stage } = kit;
  const lead = await stage.actor(stage.factory.roles[stage.factory.lead]?.agents[0] ?? '');
  const role = stage.roleFor('developer');
  const { task } = await lead.do('task_create', {
    title: 'Only a comment',
    criteria: ['The comment is there'],
    stops: ['It changes behaviour'],
    role,
  });
  const developer = await stage.actor(stage.agentFor(role));
  await developer.do('task_checkout', { task });
  const commit = await sideChange(developer, 'src/notes.ts', '// nothing to see here\nexport {};\n');
  const submitted = await developer.do('change_submit', { commit, summary: 'Only a comment.' });
  kit.moved = submitted.commit;
  await developer.do('task_block', {
    why: 'The release is under way; this comment can wait for the next one.',
  });
}
