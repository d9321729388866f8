import picomatch from 'picomatch';
import { changes } from '../../core/git/changes.ts';
import { type Gate, readOnly } from './gate.ts';

const GLOB = { dot: true, nonegate: true, windows: false };

/** `docs`: a change that touches code also changes its documentation. */
export const docs: Gate = async ({ factory, authority, parent, commit }) => {
  const { code, docs: documentation } = factory.gates.docs;
  const isCode = picomatch(code, GLOB);
  const isDocumentation = picomatch(documentation, GLOB);
  const changed = await changes(authority, parent, commit);
  const touched = changed.filter(({ path }) => isCode(path));
  const written = changed.filter(({ path, status }) => status !== 'D' && isDocumentation(path));
  const log = changed.map(({ status, path }) => `${status} ${path}`).join('\n');
  if (touched.length === 0) return readOnly({ passed: true, why: 'the change touches no code', log });
  if (written.length > 0) {
    return readOnly({ passed: true, why: `documented in ${written[0]?.path}`, log });
  }
  const why = `${touched.length} files of code changed and none of ${documentation.join(', ')}`;
  return readOnly({ passed: false, why, log });
};
