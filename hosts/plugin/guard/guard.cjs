// The guard of a factory's hosts: `node guard.cjs POLICY < hook-input`. A PreToolUse hook of Claude Code and Codex.
// With `--find` in place of a file it takes the policy of the factory that the folder belongs to, and says nothing
// elsewhere.
// Prints a denial with its reason and the way to go instead, or nothing. It needs no package and reads one file, so
// that it costs a start of Node; whoever calls it turns any exit but 0 into a denial. It is the first fence only:
// it reads commands, it does not run them, and the servers' rules hold without it.
'use strict';
const { existsSync, readdirSync, readFileSync, realpathSync } = require('node:fs');
const { basename, dirname, join, resolve, sep } = require('node:path');

const FILE_FIELDS = ['file_path', 'notebook_path', 'path'];
const READERS = /^(Read|Grep|Glob|LS|NotebookRead|view_image)$/;
const SPAWNERS = /^(Agent|Task)$/;
const HOST_CONFIG = /(^|\/)(\.claude|\.codex|\.agents)\//;

/** What may stand before a program's name: variables, wrappers that run it, the folder it lies in. */
const BEFORE =
  /^(?:(?:\w+=\S*|sudo|env|exec|command|builtin|eval|nohup|time|timeout\s+\S+|nice(?:\s+-n\s*\S+)?|xargs(?:\s+-\S+)*|npx(?:\s+-\S+)*|bunx|pnpm\s+(?:dlx|exec)|yarn\s+dlx|npm\s+(?:exec|x)(?:\s+--?\S*)*|(?:ba|z|da|k)?sh\s+-\w*c|if|then|do|else|!)\s+)*(?:\S*\/)?/;
/** Deploying, in the words of the tools that do it. */
const DEPLOYS = [
  /^wrangler(@\S+)?\s(.*\s)?(deploy|publish|rollback|triggers|delete|secret|upload)\b/,
  /^wrangler(@\S+)?\s(.*\s)?(--env|-e|--remote)\b/,
  /^(npm|pnpm|yarn|bun)\s+(run(-script)?\s+)?(deploy|release|publish)\b/,
  /^(vercel|netlify|fly|flyctl|firebase|railway|serverless|sst|cdk|pulumi)(@\S+)?(\s.*)?\s(deploy|up|--prod)\b/,
  /^(terraform|tofu)\s+(-\S+\s+)*(apply|destroy)\b/,
  /^kubectl\s+(-\S+\s+)*(apply|delete|rollout|set)\b/,
  /^gh\s+(release|workflow\s+run)\b/,
];
const PUSHES = [
  /^git(\s+(-[cC]\s+\S+|-\S+))*\s+(push|send-pack|http-push|update-ref|subtree\s+push)\b/,
  /^gh\s+pr\s+merge\b/,
];
/** The factory's own command line is a person's, but for looking. */
const COMMAND_LINE =
  /^(node\s+(-\S+\s+)*)?(\S*\/)?millwright(\.cjs|@\S+)?(\s+(?!--version|--help|(status|doctor|checkpoints)\b)\S|$)/;

/** What speaks against a tool call: `{rule, why}`, or undefined. */
function decide(policy, input) {
  const asked = input.agent_type;
  const agent = policy.agents[Object.hasOwn(policy.agents, asked ?? '') ? asked : policy.main];
  const tool = String(input.tool_name ?? '');
  const given = input.tool_input ?? {};
  const server = /^mcp__(millwright[^_]*(?:_(?!_)[^_]*)*)__/.exec(tool)?.[1];
  if (server !== undefined) {
    return server === agent.server
      ? undefined
      : { rule: 'spawn', why: `${server} is another agent's server.` };
  }
  if (tool.startsWith('mcp__')) return undefined;
  if (SPAWNERS.test(tool)) return spawning(agent, given);
  const command = [given.command, given.cmd]
    .flat()
    .filter((part) => typeof part === 'string')
    .join(' ');
  const cwd = folderOf(input.cwd, given.workdir, command);
  const found = tool === 'apply_patch' || command === '' ? undefined : running(policy, cwd, command);
  if (found) return found;
  const files = patched(command || String(given.patch ?? given.input ?? ''));
  if (command !== '' || files.length > 0) {
    return first(files, (path) => changing(policy, agent, absolute(cwd, path)));
  }
  const paths = FILE_FIELDS.map((field) => given[field]).filter((path) => typeof path === 'string');
  return first(paths, (path) => {
    const at = absolute(input.cwd, path);
    if (READERS.test(tool)) return reaches(policy, '/', at) ? stateOf(path) : undefined;
    return changing(policy, agent, at);
  });
}

function spawning(agent, { subagent_type }) {
  const type = String(subagent_type ?? 'general-purpose');
  if (agent.spawns.includes(type)) return undefined;
  return { rule: 'spawn', why: `The role ${agent.role} may not start ${type.slice(0, 80)}.` };
}

/** The folder that a command runs in: the session's, the call's own, and where its first step goes. */
function folderOf(cwd, workdir, command) {
  const from = typeof workdir === 'string' ? absolute(cwd, workdir) : cwd;
  const to = /^\s*cd\s+(?:--\s+)?('[^']+'|"[^"]+"|[^\s'";&|]+)\s*(?:&&|;|\n)/.exec(command)?.[1];
  return to === undefined ? from : absolute(from, to.replace(/["']/g, ''));
}

function running(policy, cwd, raw) {
  const command = raw
    .replace(/\\\n/g, ' ')
    .replace(/["'\\]/g, '')
    .replace(/\$\{(\w+)\}/g, '$$$1');
  for (const part of command.split(/[;&|\n(){}`]+/)) {
    const step = part.trim().replace(BEFORE, '');
    if (PUSHES.some((pattern) => pattern.test(step))) return { rule: 'push', why: 'Agents do not push.' };
    if (DEPLOYS.some((pattern) => pattern.test(step)))
      return { rule: 'deploy', why: 'Agents do not deploy.' };
    if (COMMAND_LINE.test(step)) return { rule: 'state', why: "Millwright's command line is a person's." };
  }
  if (/\/proc\/[^\s/]+\/environ/.test(command)) return stateOf('/proc');
  const words = command.split(/[\s;&|(){}`<>=,:]+/).filter((word) => /[/~]|\.\.|^\$/.test(word));
  const named = [String(cwd ?? '/'), ...words].find((word) => reaches(policy, cwd, word));
  return named === undefined ? undefined : stateOf(named);
}

function changing(policy, agent, path) {
  const inClone = path.startsWith(policy.clones + sep);
  if (!inClone && isState(policy, path)) return stateOf(path);
  if (!inClone) {
    const rule = HOST_CONFIG.test(path) ? 'protected' : 'edit';
    return { rule, why: `${path} is in no clone of this factory.` };
  }
  if (policy.changes && !policy.changes.some((clone) => isIn(clone, path))) {
    return { rule: 'edit', why: `${path} is in the clone of another task.` };
  }
  const relative = path
    .slice(policy.clones.length + 1)
    .split(sep)
    .slice(1)
    .join('/')
    .normalize('NFC');
  if (policy.protected.some((pattern) => new RegExp(pattern).test(relative.toLowerCase()))) {
    return { rule: 'protected', why: `${relative} is protected.` };
  }
  if (agent.writes.some((pattern) => new RegExp(pattern).test(relative))) return undefined;
  return { rule: 'edit', why: `${relative} is outside the paths that ${agent.role} writes.` };
}

/** Whether a word of a command leads into the state, or to the folder of all factories; a pattern counts as what it matches. */
function reaches(policy, cwd, word) {
  const [fixed] = word.split(/[*?[]/);
  if (fixed === word) {
    const path = absolute(cwd, word);
    return isState(policy, path) || path === dirname(policy.state);
  }
  const from = absolute(cwd, fixed.slice(0, fixed.lastIndexOf('/') + 1) || '.');
  if (isState(policy, from) || from === dirname(policy.state)) return true;
  if (!policy.state.startsWith(from === sep ? sep : from + sep)) return false;
  const parts = policy.state.slice(from === sep ? 1 : from.length + 1).split(sep);
  const globs = word.slice(fixed.lastIndexOf('/') + 1).split('/');
  return (
    globs.length >= parts.length - 1 &&
    parts.every((part, at) => globs[at] === undefined || matches(globs[at], part))
  );
}

/** As a shell matches one name: a leading dot only by a dot. */
function matches(glob, name) {
  if (name.startsWith('.') && !glob.startsWith('.')) return false;
  const source = glob
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/\?|\[[^\]]*\]/g, '.');
  return new RegExp(`^${source}$`).test(name);
}

const isState = ({ state, clones, scratch = [] }, path) =>
  isIn(state, path) && ![clones, ...scratch].some((folder) => isIn(folder, path));

const isIn = (folder, path) => path === folder || path.startsWith(folder + sep);

const stateOf = (path) => ({ rule: 'state', why: `${path} belongs to the factory, not to its agents.` });

/** The files that a patch in Codex's format touches. */
const patched = (patch) =>
  [...patch.matchAll(/^\*\*\* (?:Add File|Update File|Delete File|Move to): (.+)$/gm)].map(([, path]) =>
    path.trim(),
  );

function first(list, look) {
  for (const one of list) {
    const found = look(one);
    if (found) return found;
  }
  return undefined;
}

/** The absolute path behind all links, also of a file that is not there yet. */
function absolute(cwd, path) {
  const full = resolve(String(cwd ?? '/'), withVariable(path));
  try {
    return realpathSync(full);
  } catch {
    return dirname(full) === full ? full : join(absolute('/', dirname(full)), basename(full));
  }
}

/** A path whose first part is the home or a variable: hooks have the environment that the host's shell has. */
const withVariable = (path) =>
  path
    .replace(/^~(?=\/|$)/, process.env.HOME ?? '/')
    .replace(/^\$(\w+)(?=\/|$)/, (whole, name) => process.env[name] ?? whole);

/** The policy of the factory whose repository or clones hold a folder; undefined where hosts are not set up. */
function policyOf(cwd) {
  const all = process.env.MILLWRIGHT_HOME ?? join(process.env.HOME ?? '/', '.millwright');
  const here = absolute('/', cwd);
  for (const name of existsSync(all) ? readdirSync(all) : []) {
    const product = join(all, name, 'product.json');
    const policy = join(all, name, 'hosts', 'policy.json');
    if (!existsSync(product) || !existsSync(policy)) continue;
    const { repository } = JSON.parse(readFileSync(product, 'utf8'));
    const folders = [repository, join(all, name)];
    if (folders.some((folder) => isIn(absolute('/', folder), here))) return policy;
  }
  return undefined;
}

/** The answer for the host: its JSON for a denial, nothing else. */
function answer(policy, input) {
  const found = decide(policy, input);
  if (!found) return '';
  const agent =
    policy.agents[Object.hasOwn(policy.agents, input.agent_type ?? '') ? input.agent_type : policy.main];
  const permissionDecisionReason = `${found.why} ${agent.instead[found.rule]}`;
  const hookEventName = 'PreToolUse';
  return JSON.stringify({
    hookSpecificOutput: { hookEventName, permissionDecision: 'deny', permissionDecisionReason },
  });
}

module.exports = { decide, answer };

if (require.main === module) {
  try {
    const input = JSON.parse(readFileSync(0, 'utf8'));
    const file = process.argv[2] === '--find' ? policyOf(String(input.cwd ?? '/')) : process.argv[2];
    if (file !== undefined) process.stdout.write(answer(JSON.parse(readFileSync(file, 'utf8')), input));
  } catch (error) {
    process.stderr.write(`The guard could not decide, so the call is blocked: ${error.message}\n`);
    process.exitCode = 2;
  }
}
