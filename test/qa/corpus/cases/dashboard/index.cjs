const { createServer } = require('node:http');

const settings = { theme: 'light', refresh: 30 };

const page = () => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Wind farm</title><link rel="icon" href="data:,"></head>
<body><main><h1>Wind farm</h1><p>14 of 16 turbines run. Theme ${settings.theme}, refreshed every ${settings.refresh} s.</p>
<form method="post" action="/settings"><label>Refresh every <input name="refresh" type="number" min="5" max="600" value="${settings.refresh}"> s</label> <button>Save</button></form></main></body></html>`;

function save(request, response) {
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (part) => {
    if (text.length <= 1000) text += part;
  });
  request.on('end', () => {
    if (text.length > 1000) return response.writeHead(413, { 'content-type': 'text/plain' }).end('Too long.');
    const refresh = Number(new URLSearchParams(text).get('refresh'));
    if (!Number.isInteger(refresh) || refresh < 5 || refresh > 600) return response.writeHead(400, { 'content-type': 'text/plain' }).end('refresh: 5 to 600.');
    settings.refresh = refresh;
    return response.writeHead(303, { location: '/' }).end();
  });
}

const server = createServer((request, response) => {
  if (request.url === '/settings' && request.method === 'POST') return save(request, response);
  if (request.url === '/' && request.method === 'GET') return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page());
  return response.writeHead(404, { 'content-type': 'text/plain' }).end('Not found.');
});
server.listen(Number(process.env.PORT || 8080), '127.0.0.1', () => console.log('listening on', server.address().port));
