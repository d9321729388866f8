import { readdir, readFile } from 'node:fs/promises';

/** Live processes whose command line, environment or working folder names `folder`; this one excepted. */
export async function leftovers(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(pids.map((pid) => namedBy(pid, folder)));
  return found.filter((line) => line !== undefined);
}

async function namedBy(pid: string, folder: string): Promise<string | undefined> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const [command, environment] = await Promise.all([read('cmdline'), read('environ')]);
  const names = command.includes(folder) || environment.includes(folder);
  return names ? `${pid} ${command.replaceAll('\0', ' ')}` : undefined;
}
