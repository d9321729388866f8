import * as z from 'zod';
import { startCommand } from './command.ts';
import { startStatic } from './static.ts';
import { productConfig, type RunningProduct, startProduct } from './worker.ts';

export { NotStarted, type RunningProduct } from './worker.ts';

const path = z.string().min(1).max(1_000);

/** How one of our programs starts the product that it looks at; paths are relative to its own folder. */
export const productStart = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('worker'), bundleDir: path, config: productConfig }),
  z.strictObject({
    kind: z.literal('command'),
    command: z.array(z.string().min(1).max(1_000)).min(1).max(50),
    cwd: path,
  }),
  z.strictObject({ kind: z.literal('static'), dir: path }),
  z.strictObject({ kind: z.literal('url'), origin: z.url().max(1_000) }),
]);
export type ProductStart = z.infer<typeof productStart>;

/**
 * Starts a product on loopback, or answers with the one that runs. Throws `NotStarted` with the product's own words
 * when it does not come up in its time. A URL is taken as it is: whoever names it has checked that it may be used.
 */
export async function start(product: ProductStart): Promise<RunningProduct> {
  if (product.kind === 'worker') return startProduct(product.bundleDir, product.config);
  if (product.kind === 'command') return startCommand(product);
  if (product.kind === 'static') return startStatic(product.dir);
  return { origin: product.origin, stop: async () => undefined };
}
