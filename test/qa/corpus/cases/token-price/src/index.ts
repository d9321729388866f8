import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base';
import { countTokens as r50k } from 'gpt-tokenizer/encoding/r50k_base';
import { legacy } from './legacy.cjs';

const COUNTERS: Record<string, (text: string) => number> = { cl100k, o200k, r50k, ...legacy };
const headers = { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000' };

export default {
  fetch(request: Request): Response {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method !== 'GET') return Response.json({ error: 'Only GET.' }, { status: 405, headers });
    if (pathname === '/') return Response.json({ encodings: Object.keys(COUNTERS), usage: '/count?encoding=o200k&text=hello' }, { headers });
    if (pathname !== '/count') return Response.json({ error: 'Not found.' }, { status: 404, headers });
    const encoding = searchParams.get('encoding') ?? 'o200k';
    const text = searchParams.get('text') ?? '';
    const count = Object.hasOwn(COUNTERS, encoding) ? COUNTERS[encoding] : undefined;
    if (!count || text.length > 2000) return Response.json({ error: `encoding: ${Object.keys(COUNTERS).join(', ')}; text: up to 2000 characters.` }, { status: 400, headers });
    return Response.json({ tokens: count(text) }, { headers });
  },
};
