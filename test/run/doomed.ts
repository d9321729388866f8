import { tmpdir } from 'node:os';
import { launchHost, startWatchdog } from '../../hosts/run/process.ts';

/** Launches a host that waits, says its id, and waits to be killed itself. */
const host = await launchHost(
  { command: 'sleep', args: ['7654'], env: { PATH: process.env.PATH ?? '' }, cwd: tmpdir() },
  startWatchdog(),
  () => {},
);
process.stdout.write(`${host.pid}\n`);
setInterval(() => {}, 1000);
