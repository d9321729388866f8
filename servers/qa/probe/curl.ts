import type { HttpRequest } from './types.ts';

const LONGEST_BODY = 2_000;

/** The request as a command for a POSIX shell. A long body is cut, and the command says so. */
export function curl(origin: string, request: HttpRequest): string {
  const parts = ['curl', '-i', '--path-as-is'];
  if (request.method !== 'GET') parts.push('-X', quote(request.method));
  for (const [name, value] of Object.entries(request.headers)) parts.push('-H', quote(`${name}: ${value}`));
  const body = request.body ?? '';
  if (request.body !== undefined) parts.push('--data-raw', quote(body.slice(0, LONGEST_BODY)));
  parts.push('--', quote(origin + request.path.slice(0, LONGEST_BODY)));
  if (body.length > LONGEST_BODY) parts.push(`# body cut, ${body.length} characters in all`);
  return parts.join(' ');
}

/** A line break would make two commands of one, so text with control characters is written as $'…'. */
function quote(text: string): string {
  if (/^[\w./:-]+$/.test(text)) return text;
  if (!/[\x00-\x1f\x7f]/.test(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  const escaped = text
    .replace(/[\\']/g, '\\$&')
    .replace(/[\x00-\x1f\x7f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `$'${escaped}'`;
}
