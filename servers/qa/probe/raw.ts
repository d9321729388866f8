import { Agent as HttpAgent, request as overHttp } from 'node:http';
import { Agent as HttpsAgent, request as overHttps } from 'node:https';
import type { Exchange, HttpRequest } from './types.ts';

/** An attack sends hundreds of requests one after the other: they share connections. */
const kept = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };

/**
 * One exchange over a kept connection. A path with dots in it goes out as it is written, any other as a browser
 * would write it; no compression is asked for. At most `bodyBytes` of the answer are read. Rejects when none comes.
 */
export function rawExchange(
  origin: string,
  request: HttpRequest,
  signal: AbortSignal,
  bodyBytes: number,
): Promise<Omit<Exchange, 'ms'>> {
  const url = new URL(origin + request.path);
  const { protocol, hostname, port } = url;
  const isSecure = protocol === 'https:';
  const send = isSecure ? overHttps : overHttp;
  return new Promise((resolve, reject) => {
    const call = send(
      {
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port,
        path: /\.\.|\\/.test(request.path) ? encodeUnsafe(request.path) : url.pathname + url.search,
        method: request.method,
        headers: { ...lengthOf(request), ...request.headers },
        signal,
        agent: isSecure ? kept.https : kept.http,
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

/** Without it node:http sends the body of a DELETE unannounced, and the server takes it for the next request. */
const lengthOf = ({ body, headers }: HttpRequest): Record<string, string> =>
  body === undefined ||
  Object.keys(headers).some((name) => /^(?:content-length|transfer-encoding)$/i.test(name))
    ? {}
    : { 'content-length': String(Buffer.byteLength(body)) };

/** What node:http refuses in a path; everything else stays. */
const encodeUnsafe = (path: string): string =>
  path.replace(/[^\x21-\x7e]+/g, (text) => encodeURIComponent(text.toWellFormed()));
