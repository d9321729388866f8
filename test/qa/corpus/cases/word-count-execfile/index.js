const http = require('node:http');
const { execFile } = require('node:child_process');
const { join } = require('node:path');

const texts = join(__dirname, 'texts');

function reply(response, status, body) {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('x-frame-options', 'DENY');
  response.setHeader('referrer-policy', 'no-referrer');
  response.setHeader('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  response.setHeader('strict-transport-security', 'max-age=31536000');
  response.end(JSON.stringify(body));
}

http
  .createServer((request, response) => {
    const url = URL.parse(request.url, 'http://words');
    if (!url) return reply(response, 400, { error: 'That is no address.' });
    if (request.method !== 'GET') return reply(response, 405, { error: 'Use GET.' });
    if (url.pathname === '/') return reply(response, 200, { books: ['/count?book=alice.txt', '/count?book=ahab.txt'] });
    if (url.pathname !== '/count') return reply(response, 404, { error: 'Not here.' });
    const book = url.searchParams.get('book');
    if (!book) return reply(response, 400, { error: 'Which book?' });
    if (!/^[a-z]+\.txt$/.test(book)) return reply(response, 404, { error: 'No such book.' });
    execFile('wc', ['-w', '--', book], { cwd: texts, timeout: 2000 }, (error, stdout) => {
      if (error) return reply(response, 404, { error: 'No such book.' });
      reply(response, 200, { book, words: Number.parseInt(stdout, 10), output: stdout.trim() });
    });
  })
  .listen(process.env.PORT ?? 3000);
