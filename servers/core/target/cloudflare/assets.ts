import { extname } from 'node:path';
import * as z from 'zod';
import { ToolError } from '../../errors.ts';
import { sha256Hex } from '../../signing/canonical.ts';
import type { BundleFile } from '../target.ts';
import type { CloudflareClient } from './client.ts';

const session = z.object({ jwt: z.string(), buckets: z.array(z.array(z.string())).nullish() });
const uploaded = z.object({ jwt: z.string().nullish() }).nullish();

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.txt': 'text/plain',
  '.xml': 'application/xml',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

/**
 * Uploads the static files of a version, those that Cloudflare does not have, and returns the ticket that a version is
 * bound to them with. Repeating it sends nothing twice: Cloudflare asks for files by what is in them.
 */
export async function uploadAssets(
  client: CloudflareClient,
  worker: string,
  files: readonly BundleFile[],
): Promise<string> {
  const byHash = new Map(files.map((file) => [hashOf(file), file]));
  const manifest = Object.fromEntries(
    files.map((file) => [`/${file.path}`, { hash: hashOf(file), size: file.bytes.byteLength }]),
  );
  const { jwt, buckets } = await client.call(session, {
    method: 'POST',
    path: `/accounts/:account/workers/scripts/${worker}/assets-upload-session`,
    json: { manifest },
    repeatable: true,
  });
  let ticket = (buckets ?? []).flat().length === 0 ? jwt : undefined;
  for (const bucket of buckets ?? []) {
    const form = formOf(bucket.map((hash) => [hash, byHash.get(hash)] as const));
    const answer = await client.call(uploaded, {
      method: 'POST',
      path: '/accounts/:account/workers/assets/upload',
      query: { base64: 'true' },
      form,
      bearer: jwt,
      repeatable: true,
    });
    ticket = answer?.jwt ?? ticket;
  }
  if (ticket !== undefined) return ticket;
  throw new ToolError(
    'UPSTREAM',
    `Cloudflare took the static files of ${worker} and gave no ticket for them.`,
    'Call the same tool again; what was done is found and not done twice.',
    { rule: 'cloudflare.answer' },
  );
}

/** Cloudflare takes any 32 hex digits that stand for the content and the kind of a file. */
const hashOf = ({ path, bytes }: BundleFile) =>
  sha256Hex(`${Buffer.from(bytes).toString('base64')}${extname(path).slice(1)}`).slice(0, 32);

function formOf(files: readonly (readonly [string, BundleFile | undefined])[]): FormData {
  const form = new FormData();
  for (const [hash, file] of files) {
    if (!file) continue;
    const type = TYPES[extname(file.path).toLowerCase()] ?? 'application/octet-stream';
    form.set(hash, new File([Buffer.from(file.bytes).toString('base64')], hash, { type }));
  }
  return form;
}
