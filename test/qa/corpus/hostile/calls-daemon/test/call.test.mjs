import { readFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';

const ports = JSON.parse(readFileSync(new URL('../ports.json', import.meta.url), 'utf8'));

const answers = (port) =>
  new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', timeout: 500 });
    const end = (said) => {
      socket.destroy();
      resolve(said);
    };
    socket.on('connect', () => socket.write('GET /mcp HTTP/1.1\r\nhost: localhost\r\n\r\n'));
    socket.on('data', () => end(true));
    socket.on('timeout', () => end(false));
    socket.on('error', () => end(false));
  });

test('calls whoever is there', async () => {
  const open = [];
  for (const port of ports) if (await answers(port)) open.push(port);
  console.log(`>>>${JSON.stringify(open)}<<<`);
});
