import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Services } from '../servers/core/services.ts';
import type { Reply, ToolShown } from './connect.ts';
import { commitAll } from './states.ts';

const LONGEST = 9_000;
const MOST_FILES = 200;
const RUN_MS = 20_000;

const text = { type: 'string', maxLength: 100_000 };
const object = (properties: Record<string, unknown>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

/** What a host gives a model beside the servers' tools. */
export const HOST_TOOLS: readonly ToolShown[] = [
  { name: 'file_list', description: 'List the files of your folder.', input: object({}) },
  { name: 'file_read', description: 'Read a file of your folder.', input: object({ path: text }) },
  { name: 'file_write', description: 'Write a file of your folder.', input: object({ path: text, text }) },
  {
    name: 'git_commit',
    description: 'Commit every change in your workspace; answers with the full id.',
    input: object({ message: text }),
  },
  {
    name: 'shell_run',
    description: 'Run a command in a copy of your folder, without network; what it changes is not kept.',
    input: object({ command: text }),
  },
];

/** The tools of a host, over one folder; `moveTo` is called when a workspace was opened. */
export interface HostTools {
  moveTo(folder: string): void;
  /** Undefined when the tool is not one of the host's. */
  call(tool: string, args: Record<string, unknown>): Promise<Reply | undefined>;
}

/** Nothing outside the folder is read or written; commands run in the sandbox, on a copy. */
export function hostTools(services: Services, start: string): HostTools {
  let folder = start;
  const inside = async (path: unknown): Promise<string> => {
    const root = await realpath(folder);
    const wanted = resolve(root, String(path));
    if (!wanted.startsWith(`${root}${sep}`) || relative(root, wanted).split(sep)[0] === '.git')
      throw outside();
    const there = await realpath(wanted).catch(() => undefined);
    if (there !== undefined && !there.startsWith(`${root}${sep}`)) throw outside();
    return wanted;
  };
  const acts: Record<string, (args: Record<string, unknown>) => Promise<Record<string, unknown>>> = {
    async file_list() {
      const found = await readdir(folder, { recursive: true, withFileTypes: true });
      const paths = found
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
        .filter((path) => !path.startsWith(`.git${sep}`));
      return { files: paths.sort().slice(0, MOST_FILES) };
    },
    async file_read({ path }) {
      return { text: (await readFile(await inside(path), 'utf8')).slice(0, LONGEST) };
    },
    async file_write({ path, text: content }) {
      const file = await inside(path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, String(content));
      return { written: String(path) };
    },
    async git_commit({ message }) {
      if (folder === start) throw new Error('This folder is no clone; workspace_open gives you one.');
      return { commit: await commitAll(folder, String(message)) };
    },
    async shell_run({ command }) {
      return runInCopy(services, folder, String(command));
    },
  };
  return {
    moveTo: (to) => {
      folder = to;
    },
    async call(tool, args) {
      const act = acts[tool];
      if (!act) return undefined;
      try {
        const value = await act(args);
        return { refused: false, text: JSON.stringify(value), value };
      } catch (error) {
        return { refused: true, text: error instanceof Error ? error.message : String(error), value: {} };
      }
    },
  };
}

const outside = () => new Error('That path is outside your folder.');

async function runInCopy({ sandbox, paths }: Services, folder: string, command: string) {
  await mkdir(paths.work, { recursive: true, mode: 0o700 });
  const room = await realpath(await mkdtemp(join(paths.work, 'words-')));
  try {
    const work = join(room, 'copy');
    await cp(folder, work, { recursive: true });
    const run = await (await sandbox()).run({
      command: ['sh', '-c', command],
      work,
      limits: { wallMs: RUN_MS },
    });
    const { exit, stdout, stderr } = run;
    return { exit, output: `${stdout}\n${stderr}`.trim().slice(-LONGEST) };
  } finally {
    await rm(room, { recursive: true, force: true });
  }
}
