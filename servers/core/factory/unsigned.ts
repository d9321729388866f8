import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { Capability } from '../permissions.ts';

const LARGEST_FILE = 200_000;

/**
 * Whether the file on disk, which nobody may have signed, would grant this. It never grants anything: it only
 * lets the refusal say why a grant that somebody wrote has no effect.
 */
export async function wouldUnsignedFileGrant(
  file: string,
  role: string,
  needs: Capability,
): Promise<boolean> {
  try {
    const text = await readFile(file, 'utf8');
    if (text.length > LARGEST_FILE) return false;
    const may: unknown = parse(text, { maxAliasCount: 0 })?.roles?.[role]?.may;
    return Array.isArray(may) && may.includes(needs);
  } catch {
    return false;
  }
}
