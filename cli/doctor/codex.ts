import { MAIN_SERVER } from '../../hosts/factory.ts';
import { type ScriptedModel, startScriptedModel } from '../../hosts/scripted/model.ts';
import { plan } from '../../hosts/scripted/plan.ts';
import { EXIT } from '../failures.ts';
import { shown } from '../io.ts';
import { lastActivity } from '../record_queries.ts';
import { agentsSeenAfter } from '../session_queries.ts';
import { type Finding, fault, ok } from './finding.ts';
import { drive, hostVersion } from './host_program.ts';
import type { HostCheck } from './hosts.ts';

const TESTED = ['0.169.0'];
const INSTALL = 'npm install -g @openai/codex';
/** Denied by the guard; without it, git knows no such remote. */
const FORBIDDEN = 'git push millwright-doctor-probe';
/** One that Codex does not know, so that it offers plain tools. */
const MODEL = 'millwright-scripted';

/** Drives Codex headless in the person's repository, by a scripted model on loopback and no account. */
export async function checkCodex({ factory, services }: HostCheck): Promise<Finding[]> {
  const { version, finding } = await hostVersion('codex', 'codex', TESTED, INSTALL);
  if (!version) return [finding];
  const { db } = services.store;
  const before = await lastActivity(db);
  const model = await startScriptedModel();
  try {
    const { stderr } = await play(factory.repository, model);
    if (model.requests.length === 0) {
      const why = shown(stderr.trim().split('\n').at(-1) ?? '', 200);
      return [
        finding,
        fault('codex run', `Codex did not run headless: ${why}`, 'Start `codex` once by hand.', EXIT.failed),
      ];
    }
    const seen = await agentsSeenAfter(db, before);
    const { agent } = factory.main;
    const visible = model.requests[0]?.tools.filter((tool) => tool.startsWith(`mcp__${MAIN_SERVER}::`)) ?? [];
    const main =
      visible.length > 0 && seen.has(agent)
        ? ok('codex main', `the main session is ${agent}, with ${visible.length} tools in sight`)
        : fault('codex main', `Codex did not load the server of ${agent}.`, TRUST, EXIT.failed);
    return [finding, main, guarded(model)];
  } finally {
    await model.close();
  }
}

const TRUST = 'Start `codex` here once and trust the folder; then run `millwright init --host codex`.';

function play(repository: string, model: ScriptedModel) {
  const provider = [
    'name="scripted"',
    `base_url=${JSON.stringify(`${model.url}/v1`)}`,
    'wire_api="responses"',
    'env_key="MILLWRIGHT_DOCTOR"',
    'request_max_retries=0',
    'stream_max_retries=0',
  ].join(',');
  const turns = plan(
    { tool: `mcp__${MAIN_SERVER}::task_list`, input: {} },
    { tool: 'exec_command', input: { cmd: FORBIDDEN } },
  );
  const settings = [`model="${MODEL}"`, 'model_provider="millwright_doctor"', 'approval_policy="never"'];
  const overrides = [...settings, `model_providers.millwright_doctor={${provider}}`].flatMap((one) => [
    '-c',
    one,
  ]);
  return drive('codex', ['exec', '--json', '--ephemeral', '-s', 'read-only', ...overrides, turns], {
    cwd: repository,
    env: { MILLWRIGHT_DOCTOR: 'scripted' },
  });
}

function guarded({ requests }: ScriptedModel): Finding {
  const said = JSON.stringify(requests.map(({ turns }) => turns));
  if (said.includes('Agents do not push.'))
    return ok('codex hooks', 'the guard ran in Codex and denied a push');
  const says = 'The guard did not run in Codex: untrusted hooks are skipped in silence.';
  return fault(
    'codex hooks',
    says,
    'Start `codex` here, type /hooks, and trust those of this project.',
    EXIT.failed,
  );
}
