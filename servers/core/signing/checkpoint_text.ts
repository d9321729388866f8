import { sha256Hex } from './canonical.ts';
import { lookAlikeScripts, visibleRows } from './visible_text.ts';

/** SSHSIG namespace of a person's decision on a checkpoint; no other signature of theirs counts as one. */
export const CHECKPOINT_NAMESPACE = 'millwright-checkpoint';

/** SSHSIG namespace of a person's signature over a factory's definition. */
export const FACTORY_NAMESPACE = 'millwright-factory';

/** Rows fit a terminal of 80 columns, so that the terminal never folds one into two. */
const WIDTH = 76;
const MAX_FIELD = 1000;
const MAX_DOCUMENT = 256 * 1024;

export type CheckpointDecision = {
  readonly decision: 'approve' | 'reject';
  readonly factory: string;
  readonly checkpoint: string;
  readonly name: string;
  /** Digest of what is decided on, as the store names it. */
  readonly subject: string;
  readonly title: string;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly expiresAt: string;
  readonly nonce: string;
  /** The whole document, as stored. */
  readonly document: string;
};

/**
 * The exact text that a person sees and signs. Different decisions have different texts.
 *
 * Its shape is fixed: one field after another, then the document, its size and digest before it. A row that is
 * not the first of its field or line starts with `+ `, a line of the document with `| `; so no content can look
 * like a field. All content is shown by visibleRows. Throws RangeError when the decision is neither of the two, a
 * field has over 1,000 characters or the document over 256 Ki.
 */
export function checkpointText(checkpoint: CheckpointDecision): string {
  const { decision, document } = checkpoint;
  if (decision !== 'approve' && decision !== 'reject') {
    throw new RangeError('A decision is approve or reject.');
  }
  if (document.length > MAX_DOCUMENT) {
    throw new RangeError(`A document to sign has at most ${MAX_DOCUMENT} characters.`);
  }
  const lines = document.split('\n');
  const scripts = lookAlikeScripts(Object.values(checkpoint).join(' '));
  return [
    'Millwright checkpoint 1',
    ...field('decision', decision.toUpperCase()),
    ...field('factory', checkpoint.factory),
    ...field('checkpoint', checkpoint.checkpoint),
    ...field('name', checkpoint.name),
    ...field('subject', checkpoint.subject),
    ...field('title', checkpoint.title),
    ...field('requested by', checkpoint.requestedBy),
    ...field('requested at', checkpoint.requestedAt),
    ...field('expires at', checkpoint.expiresAt),
    ...field('nonce', checkpoint.nonce),
    ...field('look-alike letters', scripts.join(', ') || 'none'),
    ...field('document length', `${Buffer.byteLength(document)} bytes, ${lines.length} lines`),
    ...field('sha256', sha256Hex(document)),
    ...lines.flatMap((line) => rows('| ', line)),
    'end of document',
    '',
  ].join('\n');
}

function field(label: string, value: string): string[] {
  if (value.length > MAX_FIELD) throw new RangeError(`The ${label} has over ${MAX_FIELD} characters.`);
  return rows(`${label}: `, value);
}

function rows(prefix: string, line: string): string[] {
  const [first = '', ...more] = visibleRows(line, WIDTH - prefix.length);
  return [prefix + first, ...more.map((row) => `+ ${row}`)];
}
