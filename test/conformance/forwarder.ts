import { createServer, request } from 'node:http';
import { onTestFinished } from 'vitest';

/**
 * Stands in front of a server and adds the bearer token that the official suite has no option for. All else goes
 * through as it came: a Host or Origin that the suite made up is for the server to refuse.
 *
 * @param headers changes what goes on; for showing that a check can fail
 */
export async function forwarder(
  url: string,
  token: string,
  headers = (raw: readonly string[]) => raw,
): Promise<string> {
  const { hostname, port } = new URL(url);
  const server = createServer((incoming, response) => {
    const onward = request({
      hostname,
      port,
      method: incoming.method,
      path: incoming.url,
      headers: [...headers(incoming.rawHeaders), 'Authorization', `Bearer ${token}`],
    });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port: own } = server.address() as { port: number };
  return `http://127.0.0.1:${own}/mcp`;
}
