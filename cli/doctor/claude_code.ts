import { join } from 'node:path';
import { type HostAgent, type HostFactory, MAIN_SERVER, subAgentName } from '../../hosts/factory.ts';
import { type ScriptedModel, startScriptedModel } from '../../hosts/scripted/model.ts';
import { type Block, plan } from '../../hosts/scripted/plan.ts';
import { EXIT } from '../failures.ts';
import { readText } from '../hosts/changes.ts';
import { claudeJson } from '../hosts/claude_code.ts';
import { readJson, valueAt } from '../hosts/json_file.ts';
import { shown } from '../io.ts';
import { lastActivity } from '../record_queries.ts';
import { agentsSeenAfter } from '../session_queries.ts';
import { type Finding, fault, ok } from './finding.ts';
import { drive, hostVersion } from './host_program.ts';
import type { HostCheck } from './hosts.ts';

const TESTED = ['2.1.328', '2.1.197'];
const INSTALL = 'npm install -g @anthropic-ai/claude-code';
/** A run of a host is mostly waiting; a machine has two cores at least. */
const AT_ONCE = 2;
/** Denied by the guard; without it, git knows no such remote. */
const FORBIDDEN = 'git push millwright-doctor-probe';

/** Drives Claude Code headless in the person's repository, by a scripted model on loopback and no account. */
export async function checkClaudeCode({ factory, services }: HostCheck): Promise<Finding[]> {
  const { version, finding } = await hostVersion('claude', 'claude', TESTED, INSTALL);
  if (!version) return [finding];
  const trusted = await isTrusted(factory.repository);
  const subAgents = factory.agents.filter(({ agent }) => agent !== factory.main.agent);
  const [mine, others] = [true, false].map((isMine) =>
    subAgents.filter(({ role }) => factory.main.spawns.includes(role) === isMine),
  ) as [HostAgent[], HostAgent[]];
  const { db } = services.store;
  const before = await lastActivity(db);
  const model = await startScriptedModel();
  try {
    const { stderr, timedOut } = await play(factory, mine, model);
    if (model.requests.length === 0) {
      const why = timedOut ? 'it did not end in time' : shown(stderr.trim().split('\n')[0] ?? '', 200);
      return [
        finding,
        fault(
          'claude run',
          `Claude Code did not run headless: ${why}`,
          'Start `claude` once by hand.',
          EXIT.failed,
        ),
      ];
    }
    await playAlone(factory, others, model);
    const seen = await agentsSeenAfter(db, before);
    return [
      finding,
      trusted,
      mainTools(factory, model, seen),
      guarded(model),
      ...subAgents.map((agent) => subAgent(agent, model, seen)),
    ];
  } finally {
    await model.close();
  }
}

const list = (name: string): Block => ({ tool: `mcp__${name}__task_list`, input: {} });

/** The main session: it calls its own server, tries the guard, and starts those that its role may. */
function play(factory: HostFactory, subAgents: readonly HostAgent[], model: ScriptedModel) {
  const start = (agent: string): Block => ({
    tool: 'Agent',
    input: {
      description: 'Say who you are',
      subagent_type: subAgentName(agent),
      run_in_background: false,
      prompt: plan(list(subAgentName(agent))),
    },
  });
  const push: Block = { tool: 'Bash', input: { command: FORBIDDEN, description: 'Try the guard' } };
  const turns = [
    list(MAIN_SERVER),
    push,
    ...(subAgents.length > 0 ? [subAgents.map(({ agent }) => start(agent))] : []),
  ];
  return headless(factory, model, [plan(...turns), '--allowedTools', 'Bash']);
}

/** Those that the main session may not start: each as the main session of a run of its own, a few at a time. */
async function playAlone(factory: HostFactory, agents: readonly HostAgent[], model: ScriptedModel) {
  const waiting = agents.map(({ agent }) => subAgentName(agent));
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      await headless(factory, model, [plan(list(name)), '--agent', name]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** A foreign server of the branch is left alone: headless, the host would start it without asking. */
async function headless(factory: HostFactory, model: ScriptedModel, args: readonly string[]) {
  const mcpJson = join(factory.repository, '.mcp.json');
  const servers = valueAt(readJson(await readText(mcpJson), mcpJson), ['mcpServers']) ?? {};
  const settings = JSON.stringify({ disabledMcpjsonServers: Object.keys(servers as object) });
  return drive('claude', ['-p', ...args, '--settings', settings, '--output-format', 'json'], {
    cwd: factory.repository,
    env: {
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: 'scripted',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    },
  });
}

async function isTrusted(repository: string): Promise<Finding> {
  const path = claudeJson();
  const at = ['projects', repository, 'hasTrustDialogAccepted'];
  if (valueAt(readJson(await readText(path), path), at) === true)
    return ok('trust', 'Claude Code trusts this folder');
  const says = 'Claude Code does not trust this folder yet: sub-agents then have no servers.';
  return fault('trust', says, 'Start `claude` here once and accept the folder.', EXIT.failed);
}

function mainTools({ main }: HostFactory, { requests }: ScriptedModel, seen: ReadonlySet<string>): Finding {
  const [first] = requests;
  const visible = (first?.tools ?? []).filter((tool) => tool.startsWith(`mcp__${MAIN_SERVER}__`));
  if (visible.length > 0 && seen.has(main.agent)) {
    return ok(main.agent, `the main session is ${main.agent}, with ${visible.length} tools in sight`);
  }
  const says = seen.has(main.agent)
    ? `The main session's tools are hidden behind a search.`
    : `The main session did not reach its servers as ${main.agent}.`;
  return fault(main.agent, says, REMEDY, EXIT.failed);
}

const REMEDY =
  'Run `millwright init --host claude-code`, then `claude mcp list` here; it names a server that fails.';

function guarded({ requests }: ScriptedModel): Finding {
  const results = requests.flatMap(({ turns }) =>
    turns.flatMap((turn) => (turn.from === 'user' ? turn.results : [])),
  );
  if (results.some(({ isError, text }) => isError && text.includes('Agents do not push.'))) {
    return ok('hooks', 'the guard ran in Claude Code and denied a push');
  }
  const says = 'The guard did not run in Claude Code: a push was not denied by it.';
  return fault(
    'hooks',
    says,
    'Look for `disableAllHooks` in your settings; then `millwright init --host claude-code`.',
    EXIT.failed,
  );
}

function subAgent(
  { agent, role }: HostAgent,
  { requests }: ScriptedModel,
  seen: ReadonlySet<string>,
): Finding {
  const name = subAgentName(agent);
  const own = requests.find(({ tools }) => tools.some((tool) => tool.startsWith(`mcp__${name}__`)));
  const reaches =
    own?.tools.filter((tool) => tool.startsWith('mcp__') && !tool.startsWith(`mcp__${name}__`)) ?? [];
  if (own && reaches.length === 0 && seen.has(agent))
    return ok(name, `seen by the servers as ${role}, and reaches no other server`);
  const says = !own
    ? `${name} did not get its own servers.`
    : reaches.length > 0
      ? `${name} reaches servers that are not its own: ${shown(reaches.join(', '), 200)}.`
      : `The servers did not see ${name} as ${role}.`;
  return fault(
    name,
    says,
    'Accept the folder in `claude`, then run `millwright init --host claude-code`.',
    EXIT.failed,
  );
}
