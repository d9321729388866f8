import { createServer } from 'node:http';

const recipes = ['Lentil soup', 'Potato salad', 'Plum cake', 'Rye bread', 'Pickled beets'];
const SAFE = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => text.replace(/[&<>"']/g, (character) => SAFE[character]);

const layout = (title, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><link rel="icon" href="data:,"></head><body><main><h1>${title}</h1>${body}</main></body></html>`;
const form = (q) => `<form action="/search"><label>Find a recipe <input name="q" value="${q}"></label> <button>Find</button></form>`;

function answer(url) {
  if (url.pathname === '/') return [200, layout('Recipes', form(''))];
  if (url.pathname === '/api/search') return [200, { q: url.searchParams.get('q'), found: recipes }];
  if (url.pathname !== '/search') return [404, layout('Not found', '<p>No such page. <a href="/">Start</a></p>')];
  const q = (url.searchParams.get('q') ?? '').slice(0, 200);
  const found = recipes.filter((name) => name.toLowerCase().includes(q.toLowerCase()));
  const list = found.map((name) => `<li>${escape(name)}</li>`).join('') || '<li>Nothing found.</li>';
  return [200, layout('Recipes', `${form(escape(q))}<p>${found.length} found for “${escape(q)}”.</p><ul>${list}</ul>`)];
}

createServer((request, response) => {
  const [status, body] = request.method === 'GET' || request.method === 'HEAD'
    ? answer(URL.parse(request.url, 'http://localhost') ?? new URL('http://localhost/none'))
    : [405, layout('Not allowed', '<p>Only GET.</p>')];
  response.writeHead(status, {
    'content-type': typeof body === 'string' ? 'text/html; charset=utf-8' : 'application/json',
    'content-security-policy': "default-src 'none'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'strict-transport-security': 'max-age=31536000',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
  });
  response.end(request.method === 'HEAD' ? '' : typeof body === 'string' ? body : JSON.stringify(body));
}).listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
