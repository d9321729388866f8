import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface RawAnswer {
  /** The status of every response that came, in order. */
  statuses: number[];
  text: string;
  /** Whether the server closed the connection before the time was over. */
  closed: boolean;
}

/** A connection to a server; it goes with the test. */
export function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
  });
}

/** Sends exactly these bytes, and gives what came back until the server closed or `ms` were over. */
export async function sendRaw(url: string, bytes: string, ms = 400): Promise<RawAnswer> {
  const socket = await dial(url);
  socket.write(bytes, 'latin1');
  return heard(socket, ms);
}

/** What comes over a connection until it closes or `ms` are over. */
export async function heard(socket: Socket, ms: number): Promise<RawAnswer> {
  let text = '';
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part;
  });
  const closed = await new Promise<boolean>((resolve) => {
    socket.once('close', () => resolve(true));
    setTimeout(() => resolve(socket.destroyed), ms);
  });
  const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
  return { statuses, text, closed };
}

/** The text of a request; a header given twice is sent twice. */
export function requestText(
  headers: readonly (readonly [string, string])[],
  body = '',
  line = 'POST /mcp HTTP/1.1',
): string {
  return `${line}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}
