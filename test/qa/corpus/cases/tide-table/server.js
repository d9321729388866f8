import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

let tides = { harbour: '', high: [], low: [] };

const server = createServer((request, response) => {
  response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(tides));
});

server.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log('ready');
  setTimeout(warmUp, 250);
});

/** Reads the table of the day once the first visitors can be served. */
async function warmUp() {
  try {
    tides = JSON.parse(await readFile(new URL('tides-today.json', import.meta.url), 'utf8'));
  } catch (cause) {
    throw new Error('warm up: no table for today', { cause });
  }
}
