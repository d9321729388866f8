import { createServer } from 'node:http';

const recipes = ['Lentil soup', 'Potato salad', 'Plum cake', 'Rye bread', 'Pickled beets'];
const SAFE = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => text.replace(/[&<>"']/g, (character) => SAFE[character]);

const layout = (title, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><link rel="icon" href="data:,"></head><body><main><h1>${title}</h1>${body}</main></body></html>`;
const form = (q) => `<form action="/search"><label>Find a recipe <input name="q" value="${q}"></label> <button>Find</button></form>`;

function answer(url) {
  if (url.pathname === '/') return [200, layout('Recipes', form(''))];
  if (url.pathname !== '/search') return [404, layout('Not found', '<p>No such page. <a href="/">Start</a></p>')];
  const q = (url.searchParams.get('q') ?? '').slice(0, 200);
  const found = recipes.filter((name) => name.toLowerCase().includes(q.toLowerCase()));
  const list = found.map((name) => `<li>${escape(name)}</li>`).join('') || '<li>Nothing found.</li>';
  return [200, layout('Recipes', `${form(q)}<p>${found.length} found for “${escape(q)}”.</p><ul>${list}</ul>`)];
}

createServer((request, response) => {
  const [status, body] = request.method === 'GET' || request.method === 'HEAD'
    ? answer(new URL(request.url, 'http://localhost'))
    : [405, layout('Not allowed', '<p>Only GET.</p>')];
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
  });
  response.end(request.method === 'HEAD' ? '' : body);
}).listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
