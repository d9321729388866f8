import { expect, test } from 'vitest';
import { ENGINES, openSandbox, SandboxUnavailable } from '../../../servers/core/sandbox/sandbox.ts';

const plain = ENGINES.filter(({ isolation }) => isolation === 'none');

test('never settles for less than was asked', async () => {
  await expect(openSandbox({ engines: plain })).rejects.toThrow(SandboxUnavailable);
  await expect(openSandbox({ engines: plain, accept: 'partial' })).rejects.toThrow(
    /isolation "partial".*Install/s,
  );
  expect(await openSandbox({ engines: plain, accept: 'none' })).toMatchObject({ isolation: 'none' });
});

test('does not believe an engine that claims what it does not hold', async () => {
  const [engine] = plain;
  if (!engine) throw new Error('no plain engine');
  const liar = {
    ...engine,
    isolation: 'full' as const,
    enforced: { ...engine.enforced, files: 'allow-list' as const },
  };
  await expect(openSandbox({ engines: [liar] })).rejects.toThrow(/writes outside its folder/);
});
