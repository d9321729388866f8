import { chmod, lstat, mkdir, rm, symlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { endUser } from './end_user.ts';
import { dropTo, type Engine, type Inside, limited, type Plan } from './engine.ts';
import { INSIDE_PATH, WRAPPER_PATH } from './layout.ts';
import { OWNERSHIP_TOOLS } from './ownership.ts';
import { killMarked } from './process-tree.ts';
import { missingTool } from './tools.ts';
import { type Enforced, SandboxError } from './types.ts';

const NOTHING_HELD: Enforced = {
  files: 'none',
  network: 'none',
  tree: 'best-effort',
  uid: 'server',
  seccomp: false,
  userNamespaces: 'open',
  processes: 'none',
  memory: 'none',
  disk: 'none',
  tmp: 'none',
};

/** Only a user id of its own, for root where namespaces are forbidden: network and /tmp stay shared. */
export const ownUid: Engine = {
  name: 'own-uid',
  isolation: 'partial',
  enforced: {
    ...NOTHING_HELD,
    files: 'uid',
    tree: 'uid',
    uid: 'own',
    processes: 'total',
    memory: 'per-process',
    disk: 'per-file',
  },
  obstacle: () =>
    process.getuid?.() === 0
      ? missingTool(['setpriv', 'prlimit', 'env', ...OWNERSHIP_TOOLS])
      : 'the server does not run as root',
  async prepare(plan) {
    const inside = await prepareFolders(plan);
    const args = [...dropTo(plan.uid).slice(1), ...limited(plan, inside)];
    return { file: 'setpriv', args, env: { PATH: WRAPPER_PATH, LANG: 'C' }, cwd: '/' };
  },
  endTree: (plan) => async () => {
    await endUser(plan.uid);
    await removeLinks(plan);
  },
};

/** No containment at all: an ordinary child process of the server's own user. */
export const plainChild: Engine = {
  name: 'plain-child',
  isolation: 'none',
  enforced: NOTHING_HELD,
  obstacle: () => undefined,
  async prepare(plan) {
    const { job, env } = await prepareFolders(plan);
    const [file = '', ...args] = plan.command;
    return { file, args, env: { ...env, ...plan.env, [MARK]: markOf(plan) }, cwd: join(job, plan.cwd) };
  },
  endTree: (plan) => async (leader) => {
    await killMarked(leader, `${MARK}=${markOf(plan)}`);
    await removeLinks(plan);
  },
};

const MARK = 'MILLWRIGHT_RUN';
/** The name of the scratch folder is random, so it can stand for the run. */
const markOf = (plan: Plan): string => plan.scratch;

async function prepareFolders(plan: Plan): Promise<Inside> {
  await chmod(plan.scratch, 0o711);
  const [home, tmp] = [join(plan.scratch, 'home'), join(plan.scratch, 'tmp')];
  for (const folder of [home, tmp]) {
    await mkdir(folder, { recursive: true });
    await chmod(folder, 0o1777);
  }
  for (const { from, at } of plan.layers) await symlink(from, linkFor(plan, at));
  const PATH = [dirname(process.execPath), INSIDE_PATH.slice('/opt:'.length)].join(delimiter);
  return { job: plan.work, env: { PATH, HOME: home, TMPDIR: tmp, LANG: 'C.UTF-8', CI: 'true' } };
}

/** Without mounts only a dependency layer can be had, as a symlink in the work folder. */
function linkFor(plan: Plan, at: string): string {
  if (at === '/node_modules') return join(plan.work, 'node_modules');
  throw new SandboxError(`A layer at ${at} needs mount namespaces, which this machine does not allow.`);
}

async function removeLinks(plan: Plan): Promise<void> {
  for (const { at } of plan.layers) {
    const link = linkFor(plan, at);
    if ((await lstat(link).catch(() => undefined))?.isSymbolicLink()) await rm(link);
  }
}
