import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import type { Exchange, HttpRequest } from './types.ts';

/** One exchange whose path goes out as it is written, dots and all. Rejects when no answer comes. */
export function rawExchange(
  origin: string,
  request: HttpRequest,
  signal: AbortSignal,
  bodyBytes: number,
): Promise<Omit<Exchange, 'ms'>> {
  const { protocol, hostname, port } = new URL(origin);
  const send = protocol === 'https:' ? overHttps : overHttp;
  return new Promise((resolve, reject) => {
    const call = send(
      {
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port,
        path: encodeUnsafe(request.path),
        method: request.method,
        headers: request.headers,
        signal,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        const done = () =>
          resolve({
            request,
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(
              Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join('\n')]),
            ),
            body: Buffer.concat(chunks).toString('utf8'),
          });
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes < bodyBytes) return;
          done();
          response.destroy();
        });
        response.on('end', done);
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(request.body);
  });
}

/** What node:http refuses in a path; everything else stays. */
const encodeUnsafe = (path: string): string =>
  path.replace(/[^\x21-\x7e]+/g, (text) => encodeURIComponent(text.toWellFormed()));
