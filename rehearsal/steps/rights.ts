import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { must, type Stage } from '../stage.ts';
import { attempt, type Kit } from './kit.ts';

/** What agents try that no prompt can prevent; each of it is asked for once. */
export async function tryRights(kit: Kit): Promise<void> {
  const { stage } = kit;
  const builder = await stage.actor(agentOf(stage, stage.roleFor('developer')));
  const lead = await stage.actor(agentOf(stage, stage.factory.lead));
  await attempt(kit, builder, 'capability', 'release_cut', { pipeline: kit.pipeline });
  await attempt(kit, builder, 'capability', 'agent_spawn', { role: stage.roleFor('qa') });
  await attempt(kit, builder, 'capability', 'qa_verdict');
  await attempt(kit, lead, 'capability', 'change_submit', {
    commit: '0'.repeat(40),
    summary: 'I wrote it myself.',
  });
  await attempt(kit, builder, 'tool.unknown', 'checkpoint_approve', { checkpoint: 'C-1' });
  await unsignedGrant(kit);
  await endedCredentials(kit);
  await stage.end(builder.agent);
}

/** A right is written into the factory file, and no human signs it. */
async function unsignedGrant(kit: Kit): Promise<void> {
  const { stage } = kit;
  const role = stage.roleFor('developer');
  const file = join(stage.factoryHome, 'factory.yaml');
  const before = await readFile(file, 'utf8');
  const definition = parse(before) as { roles: Record<string, { may: string[] }> };
  definition.roles[role]?.may.push('release:rollback');
  await writeFile(file, stringify(definition));
  await attempt(kit, await stage.actor(agentOf(stage, role)), 'factory.unsigned', 'release_rollback', {
    release: 'R-1',
  });
  await writeFile(file, before);
}

/** One session is revoked while it runs, and one enrolment is used after its time. */
async function endedCredentials(kit: Kit): Promise<void> {
  const { stage } = kit;
  const agent = agentOf(stage, stage.roleFor('growth'));
  const short = await stage.session(agent);
  await short.do('task_list');
  const listed = await must(stage.millwright(['session', 'list']), 'The sessions');
  const mine = (listed.json.sessions as { id: string; agent: string }[]).findLast(
    (session) => session.agent === agent,
  );
  await must(stage.millwright(['session', 'revoke', mine?.id ?? '']), 'The revocation');
  await attempt(kit, short, 'credential.revoked', 'task_list');
  await short.close();

  const brief = await must(stage.millwright(['enrol', agent, '--hours', '0.0001']), 'The enrolment');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const late = await stage.session(agent, undefined, String(brief.json.enrolment));
  await attempt(kit, late, 'credential.expired', 'task_list', {}, 'session');
  await late.close();
  await must(stage.millwright(['enrol', agent]), 'The enrolment');
}

const agentOf = (stage: Stage, role: string) => stage.factory.roles[role]?.agents[0] ?? '';
