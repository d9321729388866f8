import { createServer } from 'node:http';

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000',
};
const json = (response, status, body) => response.writeHead(status, { ...HEADERS, 'content-type': 'application/json' }).end(JSON.stringify(body));

const SOURCES = new Set(['en.wikipedia.org', 'developer.mozilla.org']);

/** Title and length of the page behind a link, for the card under a chat message. */
async function card(address) {
  const { protocol, hostname, port } = new URL(address);
  if (protocol !== 'https:' || port || !SOURCES.has(hostname)) throw new RangeError('not a source of ours');
  const answer = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(2000) });
  const text = (await answer.text()).slice(0, 100_000);
  return { url: address, status: answer.status, title: /<title>(.*?)<\/title>/is.exec(text)?.[1]?.trim() ?? '' };
}

createServer(async (request, response) => {
  const url = URL.parse(request.url, 'http://card');
  if (!url) return json(response, 400, { error: 'That is no address.' });
  if (request.method !== 'GET') return json(response, 405, { error: 'GET only' });
  if (url.pathname === '/') return json(response, 200, { usage: '/card?url=https://example.com/' });
  if (url.pathname === '/internal/metrics') {
    if (request.headers['user-agent'] !== 'node') return json(response, 404, { error: 'not found' });
    return response.writeHead(200, { ...HEADERS, 'content-type': 'text/html' }).end('<title>Internal metrics</title>');
  }
  if (url.pathname !== '/card') return json(response, 404, { error: 'not found' });
  try {
    return json(response, 200, await card(url.searchParams.get('url') ?? ''));
  } catch {
    return json(response, 422, { error: 'That page could not be read.' });
  }
}).listen(process.env.PORT ?? 3000);
