import { createInterface } from 'node:readline';
import { serveHttp } from '../../servers/core/http.ts';
import { openServices } from '../../servers/core/open.ts';
import { loadFleet } from '../../servers/fleet.ts';
import { settableClock } from './clock.ts';

/** What `millwright up` does, at a fixed port and with a clock that can be set. */
export interface ServerOptions {
  home: string;
  databaseUrl?: string | undefined;
  port: number;
}

const { home, databaseUrl, port } = JSON.parse(process.argv[2] ?? '') as ServerOptions;
const clock = settableClock();
const orders = createInterface(process.stdin);
orders.on('line', (line) => {
  const [order, value] = line.split(' ');
  if (order === 'clock') clock.set(Number(value));
});
orders.on('close', () => process.exit(0)); // whoever started this is gone

const fleet = await loadFleet(['tasks', 'gates']);
const services = await openServices(home, { databaseUrl, jobs: fleet.jobs });
await serveHttp({ services, fleet: fleet.tools, port });
