import { expect, test } from 'vitest';
import * as z from 'zod';
import { infraSchema, readInfra } from '../../servers/core/infra_file.ts';
import { expectFile, jsonText } from './golden.ts';

const LEAST = 'product: shop\nworkers: [{ name: shop }]\n';

test('the schema of infra.yaml is the one editors are given', async () => {
  await expectFile('factories/infra.schema.json', jsonText(z.toJSONSchema(infraSchema, { io: 'input' })));
});

test('infra.yaml needs a product and a Worker; the rest is nothing', () => {
  expect(readInfra(LEAST)).toMatchObject({
    product: 'shop',
    target: 'local',
    d1: [],
    kv: [],
    r2: [],
    queues: [],
    dns: [],
  });
});

test.each([
  ['an unknown key', `${LEAST}env: production\n`, /line 1, at the top: Unrecognized key: "env"/],
  [
    'a value of a secret',
    'product: shop\nworkers:\n  - name: shop\n    secrets: [{ KEY: value }]\n',
    /line 4, at workers\.0\.secrets\.0/,
  ],
  ['one name twice', `${LEAST}d1: [shop, shop]\n`, /names one thing twice/],
  ['a target nobody knows', `${LEAST}target: moon\n`, /line 3, at target/],
  ['a name that leaves its place', `${LEAST}kv: ['../x']\n`, /line 3, at kv\.0/],
  ['an alias that grows', `a: &a [1]\nb: [*a, *a]\n${LEAST}`, /infra\.yaml uses aliases/],
  ['no YAML', 'product: [', /is no YAML in line/],
  ['a flood', `${LEAST}#${'x'.repeat(100_001)}`, /over 100000 characters/],
])('%s is refused with the line and the key', (_name, text, said) => {
  expect(() => readInfra(text)).toThrow(said);
});
