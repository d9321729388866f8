interface Env {
  DB: D1Database;
}

const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000',
};
const reply = (body: unknown, status = 200) => Response.json(body, { status, headers: HEADERS });

export default {
  async fetch(request: Request, { DB }: Env): Promise<Response> {
    const path = new URL(request.url).pathname;
    const token = request.headers.get('authorization')?.replace(/^Bearer /, '') ?? '';
    const customer = await DB.prepare('select name, credit from customer where token = ?').bind(token).first<{ name: string; credit: number }>();
    if (!customer) return reply({ error: 'Send your token.' }, 401);
    if (path === '/credit' && request.method === 'GET') return reply(customer);
    if (path === '/coupons' && request.method === 'GET') return reply((await DB.prepare('select code, worth from coupon where used_by is null').all()).results);
    if (path !== '/redeem') return reply({ error: 'No such path.' }, 404);
    if (request.method !== 'POST') return reply({ error: 'POST a code.' }, 405);
    const text = await request.text();
    if (text.length > 1000) return reply({ error: 'Too long.' }, 413);
    const code = codeIn(text);
    return code ? redeem(DB, token, code) : reply({ error: 'code: like SPRING-9KQ2.' }, 400);
  },
};

function codeIn(text: string): string | null {
  try {
    const code = JSON.parse(text)?.code;
    return typeof code === 'string' && /^[A-Z]+-[A-Z0-9]{4}$/.test(code) ? code : null;
  } catch {
    return null;
  }
}

/** The till in the shop has the last word; it answers in some 30 ms. */
async function tillIsOpen(): Promise<boolean> {
  await new Promise((answered) => setTimeout(answered, 30));
  return true;
}

async function redeem(db: D1Database, token: string, code: string): Promise<Response> {
  const coupon = await db.prepare('select worth, used_by from coupon where code = ?').bind(code).first<{ worth: number; used_by: string | null }>();
  if (!coupon) return reply({ error: 'No such coupon.' }, 404);
  if (coupon.used_by) return reply({ error: 'That coupon was used.' }, 409);
  if (!(await tillIsOpen())) return reply({ error: 'The till is closed.' }, 503);
  await db.prepare('update customer set credit = credit + ? where token = ?').bind(coupon.worth, token).run();
  await db.prepare('update coupon set used_by = ? where code = ?').bind(token, code).run();
  return reply({ credited: coupon.worth });
}
