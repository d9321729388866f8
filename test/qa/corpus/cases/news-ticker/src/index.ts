declare const process: { env: Record<string, string | undefined> } | undefined;

/** Where the news come from; set at build time. */
const SOURCE = new URL(typeof process === 'undefined' ? '' : (process?.env['NEWS_SOURCE'] ?? ''));

const headlines = ['Mayor opens bridge', 'Rain until Friday', 'Library gets a roof garden'];

export default {
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url);
    if (pathname !== '/') return new Response('Not found', { status: 404 });
    return Response.json({ source: SOURCE.hostname, headlines });
  },
};
