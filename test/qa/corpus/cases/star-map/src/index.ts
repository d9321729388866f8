import { CATALOGUE } from './catalogue.ts';

const headers = { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000' };

export default {
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url);
    if (request.method !== 'GET') return Response.json({ error: 'Only GET.' }, { status: 405, headers });
    if (pathname === '/') return Response.json({ stars: '/stars' }, { headers });
    if (pathname === '/stars') return Response.json(CATALOGUE.slice(0, 50), { headers });
    return Response.json({ error: 'Not found.' }, { status: 404, headers });
  },
};
