const headers = { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000' };

async function report(db: D1Database): Promise<Response> {
  const teams = (await db.prepare('select id, name from team order by id').all<{ id: number; name: string }>()).results;
  let queries = 1;
  const rows: { name: string; goals: number }[] = [];
  for (const { id, name } of teams) {
    const sum = await db.prepare('select coalesce(sum(goals), 0) as goals from game where team_id = ?').bind(id).first<{ goals: number }>();
    queries += 1;
    rows.push({ name, goals: sum?.goals ?? 0 });
  }
  return Response.json(rows, { headers: { ...headers, 'server-timing': `db;desc="${queries} queries"` } });
}

export default {
  async fetch(request: Request, env: { DB: D1Database }): Promise<Response> {
    const path = new URL(request.url).pathname;
    if (request.method !== 'GET') return Response.json({ error: 'Only GET.' }, { status: 405, headers });
    if (path === '/') return Response.json({ report: '/report' }, { headers });
    return path === '/report' ? report(env.DB) : Response.json({ error: 'Not found.' }, { status: 404, headers });
  },
};
