interface Env {
  DB: D1Database;
}

const json = (body: unknown, status = 200) =>
  Response.json(body, {
    status,
    headers: {
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'strict-transport-security': 'max-age=31536000',
    },
  });

/** The catalogue of a small library: `/books?title=` finds, `/books/:id` shows. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method !== 'GET' && request.method !== 'HEAD') return json({ error: 'The catalogue is only read.' }, 405);
    if (pathname === '/') return json({ find: '/books?title=Emma', one: '/books/1' });
    if (pathname === '/books') return json(await find(env.DB, (searchParams.get('title') ?? '').slice(0, 100)));
    const id = /^\/books\/(\d{1,9})$/.exec(pathname)?.[1];
    const book = id && (await env.DB.prepare('select id, title, author from book where id = ? and public = 1').bind(Number(id)).first());
    return book ? json(book) : json({ error: 'No such book.' }, 404);
  },
};

async function find(db: D1Database, title: string) {
  try {
    const sql = `select id, title, author from book where public = 1 and title like '%${title}%' order by title limit 20`;
    return (await db.prepare(sql).all()).results;
  } catch {
    return [];
  }
}
