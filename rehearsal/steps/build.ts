import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Actor } from '../actor.ts';
import { gitAs, PRODUCT } from '../stage.ts';
import {
  attempt,
  commitAll,
  commitFiles,
  complete,
  type Kit,
  type Performance,
  remember,
  takeWhenFree,
} from './kit.ts';

/** The build step: the first round has a defect that its own tests do not see, the second mends it. */
export const buildSteps: Record<string, Performance> = {
  build: async (actor, kit, task) => {
    const { round, lessons } = await actor.do('task_checkout', { task });
    const developer = round === 1 ? await takenOver(actor, kit, task) : actor;
    if (round === 1) await firstBuild(developer, kit);
    else {
      warned(developer, kit, lessons);
      await compacted(developer, kit, task);
      await secondBuild(developer, kit);
    }
    await kit.stage.end(developer.agent);
  },
};

/**
 * The developer's process is stopped in the middle of its work. Its lease ends after three missed beats, another
 * agent of the role takes the task under a higher fence, and the first one, awake again, writes nothing more.
 */
async function takenOver(first: Actor, kit: Kit, task: string): Promise<Actor> {
  const { workspace } = await first.do('workspace_open');
  await cp(join(PRODUCT, 'build-1', 'src'), join(workspace, 'src'), { recursive: true });
  const half = await commitAll(first, workspace, 'Half of it');
  process.kill(first.pid, 'SIGSTOP');
  kit.progress.done(first.agent, 'stopped in the middle of the build (SIGSTOP)');

  const agents = kit.stage.factory.roles[first.role]?.agents ?? [];
  const second = await kit.stage.actor(
    agents.find((agent) => agent !== first.agent) ?? first.agent,
    kit.hostSession,
  );
  const brief = await takeWhenFree(second, task);
  process.kill(first.pid, 'SIGCONT');
  kit.recovered.push({ task, from: first.agent, to: second.agent, fence: 0 });
  kit.progress.done(second.agent, `took ${brief.task} after three missed beats`);
  await attempt(kit, first, 'lease.lost', 'change_submit', {
    commit: half,
    summary: 'The other half is somewhere.',
  });
  await kit.stage.end(first.agent);
  return second;
}

/** The brief of the second round says what the failure of the first one taught. */
function warned(actor: Actor, { lesson, progress }: Kit, lessons: string[]): void {
  if (lesson === '') return;
  const told = lessons.find((line) => line.startsWith(`${lesson} `));
  if (told === undefined) throw new Error(`The brief of ${actor.agent} does not bring ${lesson}.`);
  progress.done(actor.agent, `was told ${told.slice(0, 90)}`);
}

/** The host has compacted its context: its hook asks where the session stands. */
async function compacted(actor: Actor, kit: Kit, task: string): Promise<void> {
  const { stage, progress } = kit;
  const enrolment = join(stage.factoryHome, 'enrolments', `${actor.agent}.json`);
  const hook = { session_id: kit.hostSession, hook_event_name: 'SessionStart', source: 'compact' };
  const { json } = await stage.millwright(['memory', 'card', '--enrolment', enrolment], JSON.stringify(hook));
  const card = String(
    (json.hookSpecificOutput as { additionalContext?: string } | undefined)?.additionalContext,
  );
  if (!card.includes(`You hold ${task} `))
    throw new Error(`After a compaction ${actor.agent} was not told of ${task}.`);
  progress.done(actor.agent, `was told after a compaction that it holds ${task}`);
}

async function firstBuild(actor: Actor, kit: Kit): Promise<void> {
  const { workspace } = await actor.do('workspace_open');
  await protectedPath(actor, kit, workspace);
  const commit = await commitFiles(actor, workspace, 'build-1', 'Form, wall and widget');
  await submitAndGate(actor, kit, commit, 'Form, wall and widget, with their tests and docs.');
}

/** A branch that brings configuration for the reviewer's own host. */
async function protectedPath(actor: Actor, kit: Kit, workspace: string): Promise<void> {
  await mkdir(join(workspace, '.claude'), { recursive: true });
  await writeFile(join(workspace, '.claude', 'settings.json'), '{"hooks":{}}\n');
  const commit = await commitAll(actor, workspace, 'Settings for everybody');
  await attempt(kit, actor, 'path.protected', 'change_submit', {
    commit,
    summary: 'Settings for everybody.',
  });
  await gitAs(actor.agent, workspace, ['reset', '-q', '--hard', 'HEAD~1']);
}

async function secondBuild(actor: Actor, kit: Kit): Promise<void> {
  const { workspace } = await actor.do('workspace_open');
  const commit = await commitFiles(actor, workspace, 'build-2', 'Text stays text');
  await submitAndGate(
    actor,
    kit,
    commit,
    'Escapes what visitors typed, everywhere; a test that fails without it.',
  );
}

async function submitAndGate(actor: Actor, kit: Kit, commit: string, summary: string): Promise<void> {
  const submitted = await actor.do('change_submit', { commit, summary });
  kit.progress.done(actor.agent, `submitted ${submitted.commit.slice(0, 12)}`);
  kit.progress.doing(actor.agent, 'gates run in the sandbox');
  const { gates } = await actor.do('gate_run');
  for (const gate of gates)
    kit.progress.done(
      'gate',
      `${gate.gate}: ${gate.closed ? 'closed' : 'OPEN'} (${gate.isolation}, ${gate.ms} ms)`,
    );
  await remember(
    actor,
    { kind: 'fact', text: `${summary} Submitted as ${submitted.commit}.`, about: ['branch:mainline'] },
    { kind: 'next', text: 'Wait for the review; mend what it or QA finds in a new round.' },
  );
  await complete(actor, 'built, submitted, every machine gate closed');
}

/** Used by later steps that need a change of their own. */
export async function sideChange(actor: Actor, file: string, text: string): Promise<string> {
  const { workspace } = await actor.do('workspace_open');
  await mkdir(join(workspace, file, '..'), { recursive: true });
  await writeFile(join(workspace, file), text);
  return commitAll(actor, workspace, `Change ${file}`);
}
