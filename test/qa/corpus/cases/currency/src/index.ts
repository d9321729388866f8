const rates: Record<string, { rate: number; digits: number }> = {
  USD: { rate: 1.0871, digits: 2 },
  JPY: { rate: 163.2, digits: 0 },
};
const secure = { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000' };

function convert(query: URLSearchParams): Response {
  const amount = Number(query.get('amount'));
  if (!query.has('amount') || !Number.isFinite(amount) || Math.abs(amount) > 1e12) return Response.json({ error: 'amount: a number.' }, { status: 400, headers: secure });
  const { rate, digits } = rates[query.get('to') ?? ''] as { rate: number; digits: number };
  return Response.json({ amount: Number((amount * rate).toFixed(digits)) }, { headers: secure });
}

export default {
  fetch(request: Request): Response {
    try {
      const { pathname, searchParams } = new URL(request.url);
      if (request.method !== 'GET') return new Response('GET only', { status: 405, headers: secure });
      if (pathname === '/') return Response.json({ usage: '/convert?amount=10&to=USD' }, { headers: secure });
      return pathname === '/convert' ? convert(searchParams) : new Response('Not found', { status: 404, headers: secure });
    } catch (error) {
      return new Response((error as Error).stack, { status: 500, headers: { ...secure, 'content-type': 'text/plain' } });
    }
  },
};
