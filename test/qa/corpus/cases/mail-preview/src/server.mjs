import { createServer } from 'node:http';
import { render } from './render.mjs';

const MOST = 32_768;

async function body(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= MOST) chunks.push(chunk);
  }
  return size > MOST ? undefined : Buffer.concat(chunks).toString('utf8');
}

createServer(async (request, response) => {
  const send = (status, value) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  if (request.url !== '/preview') return send(404, { error: 'POST a template to /preview.' });
  if (request.method !== 'POST') return send(405, { error: 'POST a template.' });
  const text = await body(request).catch(() => undefined);
  if (text === undefined) return send(413, { error: 'At most 32 KiB.' });
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return send(400, { error: 'The body is not JSON.' });
  }
  const template = value?.template;
  if (typeof template !== 'string' || template.length > 2000) return send(400, { error: 'template: a text of up to 2000 characters.' });
  return send(200, { text: render(template) });
}).listen(Number(process.env.PORT ?? 5005));
