const headers = { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000' };

async function report(db: D1Database): Promise<Response> {
  const sql = 'select name, coalesce(sum(goals), 0) as goals from team left join game on game.team_id = team.id group by team.id order by team.id limit 200';
  return Response.json((await db.prepare(sql).all()).results, { headers: { ...headers, 'server-timing': 'db;desc="1 query"' } });
}

export default {
  async fetch(request: Request, env: { DB: D1Database }): Promise<Response> {
    const path = new URL(request.url).pathname;
    if (request.method !== 'GET') return Response.json({ error: 'Only GET.' }, { status: 405, headers });
    if (path === '/') return Response.json({ report: '/report' }, { headers });
    return path === '/report' ? report(env.DB) : Response.json({ error: 'Not found.' }, { status: 404, headers });
  },
};
