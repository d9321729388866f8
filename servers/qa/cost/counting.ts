import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The header in which a counting Worker says how many subrequests the request before this answer took. */
export const COUNT_HEADER = 'x-millwright-subrequests';
export const COUNTING_MAIN = 'millwright-counting.mjs';

/**
 * Puts beside a bundle's entry one that counts: fetch, and each call of a D1, KV, R2, queue or other binding.
 * Other hosts are not called: they answer with `{}`. An entry that is no plain object with `fetch` is left as it is.
 */
export async function writeCountingMain(bundleDir: string, main: string): Promise<void> {
  await writeFile(join(bundleDir, COUNTING_MAIN), SOURCE.replaceAll('ENTRY', JSON.stringify(`./${main}`)));
}

const SOURCE = `import * as product from ENTRY;
export * from ENTRY;

const CALLS = new Set(['all', 'first', 'run', 'raw', 'batch', 'exec', 'get', 'put', 'delete', 'list', 'head', 'fetch', 'send', 'sendBatch', 'getWithMetadata']);
const ASK = new Set(['prepare', 'bind', 'withSession']);
const own = new WeakMap();
let count = 0;

const called = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  count += 1;
  const { hostname } = new URL(input instanceof Request ? input.url : String(input));
  return /^(localhost|127\\.|\\[::1\\])/.test(hostname) ? called(input, init) : Response.json({});
};

const plain = (value) => (Array.isArray(value) ? value.map(plain) : (own.get(value) ?? value));
function counted(binding) {
  const proxy = new Proxy(binding, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...values) => {
        if (CALLS.has(key)) count += 1;
        const result = value.apply(target, values.map((one) => (typeof one === 'object' && one !== null ? plain(one) : one)));
        return ASK.has(key) ? counted(result) : result;
      };
    },
  });
  own.set(proxy, binding);
  return proxy;
}
const isBinding = (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype;

const entry = product.default;
const isPlain = typeof entry === 'object' && entry !== null && typeof entry.fetch === 'function';
let known;

export default isPlain
  ? {
      ...entry,
      async fetch(request, env, context) {
        known ??= Object.fromEntries(Object.entries(env).map(([name, value]) => [name, isBinding(value) ? counted(value) : value]));
        count = 0;
        const answer = await entry.fetch(request, known, context);
        const headers = new Headers(answer.headers);
        headers.set('${COUNT_HEADER}', String(count));
        return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
      },
    }
  : entry;
`;
