const contacts: Record<string, { name: string; phone: string }[]> = {
  'vera-3fd2': [{ name: 'Dr. Holz', phone: '+49 30 5550101' }],
  'willi-88c1': [{ name: 'Mama', phone: '+49 40 5550199' }],
};

/** The book is opened from the site of the town, which is another origin. */
function cors(request: Request): Record<string, string> {
  const origin = request.headers.get('origin');
  if (origin !== 'https://town.example') return { vary: 'origin' };
  return {
    vary: 'origin',
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET',
    'access-control-allow-headers': 'content-type',
  };
}

const SECURE = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000',
};

export default {
  fetch(request: Request): Response {
    const headers = { ...SECURE, ...cors(request) };
    const path = new URL(request.url).pathname;
    if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers });
    if (request.method !== 'GET') return Response.json({ error: 'Only GET.' }, { status: 405, headers });
    if (path === '/') return Response.json({ contacts: '/contacts' }, { headers });
    if (path !== '/contacts') return Response.json({ error: 'Not found.' }, { status: 404, headers });
    const session = /(?:^|;\s*)session=([\w-]+)/.exec(request.headers.get('cookie') ?? '')?.[1] ?? '';
    const mine = Object.hasOwn(contacts, session) ? contacts[session] : undefined;
    return mine ? Response.json(mine, { headers }) : Response.json({ error: 'Sign in.' }, { status: 401, headers });
  },
};
