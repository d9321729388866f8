interface Entry {
  name: string;
  text: string;
  at: string;
}

const entries: Entry[] = [{ name: 'Lotte', text: 'What a lovely mill!', at: '2026-05-01' }];

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
};

const SAFE: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string) => text.replace(/[&<>"']/g, (character) => SAFE[character] ?? '');

const page = () => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Guestbook</title><link rel="icon" href="data:,"></head>
<body><main><h1>Guestbook</h1>
<form method="post" action="/sign"><p><label>Name <input name="name" required maxlength="60"></label></p>
<p><label>Text <textarea name="text" required maxlength="500"></textarea></label></p><button>Sign</button></form>
<ul>${entries.map(({ name, text, at }) => `<li><b>${escape(name)}</b> (${at}): ${escape(text)}</li>`).join('')}</ul></main></body></html>`;

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/' && (request.method === 'GET' || request.method === 'HEAD')) return new Response(page(), { headers: HEADERS });
    if (pathname === '/sign' && request.method === 'POST') return sign(request);
    return new Response('There is nothing here.', { status: 404, headers: { ...HEADERS, 'content-type': 'text/plain' } });
  },
};

async function sign(request: Request): Promise<Response> {
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > 10_000) return refuse(413, 'Too long.');
  const form = await new Response(bytes, { headers: { 'content-type': request.headers.get('content-type') ?? '' } }).formData().catch(() => null);
  const name = form?.get('name');
  const text = form?.get('text');
  if (typeof name !== 'string' || typeof text !== 'string' || !name.trim() || !text.trim()) return refuse(400, 'Give a name and a text.');
  if (name.length > 60 || text.length > 500) return refuse(400, 'At most 60 and 500 characters.');
  entries.unshift({ name, text, at: new Date().toISOString().slice(0, 10) });
  entries.length = Math.min(entries.length, 50);
  return new Response(null, { status: 303, headers: { ...HEADERS, location: '/' } });
}

const refuse = (status: number, text: string) => new Response(text, { status, headers: { ...HEADERS, 'content-type': 'text/plain' } });
