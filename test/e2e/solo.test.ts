import { test } from 'vitest';
import { expectRehearsal } from './rehearse.ts';

test(
  'a rehearsal of solo goes from a request to a verified release, and the record shows every refusal',
  () => expectRehearsal('solo'),
  480_000,
);
