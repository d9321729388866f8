import { ToolError } from '../errors.ts';
import { sha256Hex } from '../signing/canonical.ts';
import type { VersionBook } from './book.ts';
import { checkBundle } from './digest.ts';
import { checkName, checkVersion } from './names.ts';
import type { WorkerVersion } from './target.ts';

/**
 * By what a version is known elsewhere: 24 hex digits over its name and its bundle, so that an upload whose answer
 * was lost is found again and no other is taken for it. Short enough for a tag.
 */
export const tagOf = ({ product, version, bundle }: Pick<WorkerVersion, 'product' | 'version' | 'bundle'>) =>
  sha256Hex(`${product} ${version} ${bundle}`).slice(0, 24);

/**
 * Whether a version was uploaded before, after everything about it was checked. Throws INVALID_INPUT for names and
 * bundles that can't be right, GATE_CLOSED with rule `release.secret`, and CONFLICT with rule `release.name` for a
 * name that is taken by other content or another product.
 */
export async function isUploaded(book: VersionBook, input: WorkerVersion): Promise<boolean> {
  checkName(input.product);
  checkVersion(input.version);
  checkName(input.config.name);
  checkBundle(input);
  checkSecrets(input);
  const { product, version, bundle, config } = input;
  const known = await book.find(product, version);
  if (known && known.bundle !== bundle)
    throw taken(`The version ${version} of ${product} was uploaded with another bundle.`);
  const owner = await book.ofWorker(config.name);
  if (owner && owner.product !== product)
    throw taken(`The Worker ${config.name} belongs to the product ${owner.product}.`);
  return known?.remote != null;
}

/** Every secret that the configuration names has a value that is not empty, and no other is given. */
function checkSecrets({ config, secrets }: Pick<WorkerVersion, 'config' | 'secrets'>): void {
  const missing = config.secrets.filter((name) => !Object.hasOwn(secrets, name) || secrets[name] === '');
  const foreign = Object.keys(secrets).filter((name) => !config.secrets.includes(name));
  if (missing.length === 0 && foreign.length === 0) return;
  const what =
    missing.length > 0 ? `has no value for ${missing.join(', ')}` : `does not ask for ${foreign.join(', ')}`;
  throw new ToolError(
    'GATE_CLOSED',
    `The Worker ${config.name} ${what}.`,
    'Say so in task_block; a human gives secrets their values with `millwright secret set`.',
    { rule: 'release.secret' },
  );
}

const taken = (what: string) =>
  new ToolError('CONFLICT', what, 'Cut a new release of the commit with release_cut.', {
    rule: 'release.name',
  });
