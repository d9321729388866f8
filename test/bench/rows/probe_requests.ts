import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { probe } from '../../../servers/qa/probe/probe.ts';
import { middleRound, ROUNDS, type Round, type Row, rounded, type Surroundings } from '../row.ts';

const PAGE = `<!doctype html><title>x</title><a href="/find?word=x">find</a>
<form method="post" action="/in"><input name="name" required maxlength="60"><textarea name="text"></textarea></form>`;
const BUDGET = { requests: 1_500, ms: 60_000 };
const BARE_REQUESTS = 500;
const BAR = 0.3;

/** Requests a second of the probe against a product that answers at once, beside bare fetches one after another. */
export async function probeRequests({ progress, signal }: Surroundings): Promise<Row> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(request.method === 'GET' ? 200 : 303, {
        'content-type': 'text/html',
        location: '/',
      });
      response.end(PAGE);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rounds: Round[] = [];
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      signal.throwIfAborted();
      progress(`requests of the probe, round ${round} of ${ROUNDS}`);
      const report = await probe({ origin, seed: round, budget: BUDGET });
      rounds.push({ value: (report.requests * 1_000) / report.ms, echo: await bare(origin) });
    }
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  const { value, echo } = middleRound(rounds, (round) => round.value / round.echo);
  return {
    name: 'probe requests',
    value: Math.round(value),
    unit: 'requests/s',
    echo: Math.round(echo),
    ratio: rounded(value / echo),
    bar: `≥ ${BAR} × bare fetches`,
    pass: value >= BAR * echo,
  };
}

async function bare(origin: string): Promise<number> {
  const since = performance.now();
  for (let sent = 0; sent < BARE_REQUESTS; sent++) await (await fetch(origin)).text();
  return (BARE_REQUESTS * 1_000) / (performance.now() - since);
}
