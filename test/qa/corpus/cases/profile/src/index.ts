const accounts: Record<string, Record<string, unknown>> = {
  'sara-2201': { id: 1, nickname: 'sara', city: 'Trier', credits: 20, role: 'member' },
  'emil-7730': { id: 2, nickname: 'emil', city: 'Ulm', credits: 5, role: 'member' },
};

const LIMITS: Record<string, number> = { nickname: 30, city: 60 };

export default {
  async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname !== '/me') return send(404, { error: 'Only /me is here.' });
    const token = request.headers.get('x-token') ?? '';
    const me = Object.hasOwn(accounts, token) ? accounts[token] : undefined;
    if (!me) return send(401, { error: 'Send x-token.' });
    if (request.method === 'GET') return send(200, me);
    if (request.method !== 'PATCH') return send(405, { error: 'GET or PATCH.' });
    const text = await request.text();
    if (text.length > 4096) return send(413, { error: 'At most 4 KiB.' });
    const wish = parse(text);
    if (!wish) return send(400, { error: 'A JSON object with nickname or city.' });
    for (const [name, most] of Object.entries(LIMITS)) {
      const value = wish[name];
      if (value !== undefined && (typeof value !== 'string' || value.length < 1 || value.length > most)) return send(400, { error: `${name}: 1 to ${most} characters.` });
    }
    accounts[token] = { ...me, ...wish };
    return send(200, accounts[token]);
  },
};

function parse(text: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

const send = (status: number, body: unknown) =>
  Response.json(body, { status, headers: { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000', 'cache-control': 'no-store' } });
