interface Env {
  DB: D1Database;
}

interface Account {
  id: number;
  name: string;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method !== 'GET') return answer(405, { error: 'Only GET.' });
    const account = await whoCalls(request, env.DB);
    if (!account) return answer(401, { error: 'Send your token as a bearer token.' });
    if (pathname === '/invoices') return answer(200, await listFor(env.DB, account));
    const id = /^\/invoices\/(\d{1,9})$/.exec(pathname)?.[1];
    const invoice = id ? await findInvoice(env.DB, Number(id), account) : null;
    return invoice ? answer(200, invoice) : answer(404, { error: 'No such invoice.' });
  },
};

async function whoCalls(request: Request, db: D1Database): Promise<Account | null> {
  const token = /^Bearer (\S+)$/.exec(request.headers.get('authorization') ?? '')?.[1];
  return token ? db.prepare('select id, name from account where token = ?').bind(token).first<Account>() : null;
}

const listFor = async (db: D1Database, account: Account) =>
  (await db.prepare('select id, total_cents from invoice where account_id = ? limit 100').bind(account.id).all()).results;

const findInvoice = (db: D1Database, id: number, account: Account) =>
  db.prepare('select id, total_cents, to_name from invoice where id = ? and account_id = ?').bind(id, account.id).first();

function answer(status: number, body: unknown): Response {
  return Response.json(body, {
    status,
    headers: {
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'strict-transport-security': 'max-age=31536000',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    },
  });
}
