const headers = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000',
};

async function page(db: D1Database, query: URLSearchParams): Promise<Response> {
  const limit = Math.min(Number(query.get('limit') ?? 20), 100);
  const after = Number(query.get('after') ?? 0);
  if (!Number.isSafeInteger(limit) || limit < 1 || !Number.isSafeInteger(after) || after < 0) return Response.json({ error: 'limit and after are whole numbers above 0.' }, { status: 400, headers });
  const { results } = await db.prepare('select id, bird, seen_on from sighting where id > ? order by id limit ?').bind(after, limit).all();
  return Response.json({ returned: results.length, next: results.at(-1)?.['id'] ?? null, sightings: results }, { headers });
}

export default {
  async fetch(request: Request, env: { DB: D1Database }): Promise<Response> {
    const url = new URL(request.url);
    if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: { ...headers, allow: 'GET, HEAD, OPTIONS' } });
    if (request.method !== 'GET' && request.method !== 'HEAD') return Response.json({ error: 'Only GET.' }, { status: 405, headers: { ...headers, allow: 'GET, HEAD, OPTIONS' } });
    if (url.pathname === '/') return Response.json({ sightings: '/sightings?limit=20' }, { headers });
    if (url.pathname === '/sightings') return page(env.DB, url.searchParams);
    return Response.json({ error: 'Not found.' }, { status: 404, headers });
  },
};
