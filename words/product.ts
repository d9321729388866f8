/** The product that scenarios are about, unless their files change it: a Worker without dependencies that takes orders. */
export const PRODUCT: Readonly<Record<string, string>> = {
  'package.json': `${JSON.stringify(
    { name: 'shop', version: '1.0.0', private: true, type: 'module', scripts: { test: 'node --test' } },
    null,
    2,
  )}\n`,
  'wrangler.jsonc': `${JSON.stringify(
    { name: 'shop', main: 'src/index.js', compatibility_date: '2026-11-01' },
    null,
    2,
  )}\n`,
  'README.md': '# Shop\n\nTakes orders. `GET /health`, `GET /price?item=ID&quantity=N`.\n',
  'CHANGELOG.md': '# Changelog\n\n- 1.0.0: prices\n',
  'src/index.js': `import { priceOf } from './price.js';

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === '/health') return Response.json({ ok: true });
    if (url.pathname === '/price') {
      const quantity = Number(url.searchParams.get('quantity'));
      if (!Number.isInteger(quantity) || quantity < 1 || quantity > 99)
        return Response.json({ error: 'quantity' }, { status: 400 });
      return Response.json({ cents: priceOf(quantity) });
    }
    return Response.json({ error: 'not found' }, { status: 404 });
  },
};
`,
  'src/price.js': `/** The price of so many cups in cents; from ten on, a tenth less. */
export const priceOf = (quantity) => Math.round(quantity * 900 * (quantity >= 10 ? 0.9 : 1));
`,
  'test/price.test.js': `import assert from 'node:assert';
import test from 'node:test';
import { priceOf } from '../src/price.js';

test('ten cups cost a tenth less', () => assert.equal(priceOf(10), 8100));
test('nine cups do not', () => assert.equal(priceOf(9), 8100));
`,
};
