const pages: Record<string, string> = {
  '/': '<h1>Rowing club</h1><p><a href="/calendar">Calendar</a> <a href="/leave?next=%2Fgoodbye">Leave</a></p>',
  '/calendar': '<h1>Calendar</h1><p>Saturday, 9:00, boat house.</p><p><a href="/">Start</a></p>',
  '/goodbye': '<h1>Goodbye</h1><p>You are signed out. <a href="/">Start</a></p>',
};

const secure = (headers: Record<string, string> = {}) => ({
  'content-security-policy': "default-src 'none'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  ...headers,
});

export default {
  fetch(request: Request): Response {
    const url = new URL(request.url);
    if (!['GET', 'HEAD'].includes(request.method)) return new Response('Only GET.', { status: 405, headers: secure({ allow: 'GET, HEAD' }) });
    if (url.pathname === '/leave') {
      const next = url.searchParams.get('next') ?? '/';
      const cookie = 'session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax';
      return new Response(null, { status: 302, headers: secure({ location: target(next), 'set-cookie': cookie }) });
    }
    const body = pages[url.pathname];
    const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Rowing club</title><link rel="icon" href="data:,"></head><body><main>${body ?? '<h1>Not found</h1>'}</main></body></html>`;
    return new Response(html, { status: body ? 200 : 404, headers: secure({ 'content-type': 'text/html; charset=utf-8' }) });
  },
};

function target(next: string): string {
  return next.replace(/[^\x21-\x7e]/g, '');
}
