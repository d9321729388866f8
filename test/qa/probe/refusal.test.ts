import { describe, expect, test } from 'vitest';
import { taught } from '../../../servers/qa/probe/refusal.ts';
import type { Exchange, Input } from '../../../servers/qa/probe/types.ts';
import { requestFor, validValues } from '../../../servers/qa/probe/values.ts';

const BARE: Input = { method: 'POST', path: '/berth', encoding: 'none', fields: [] };
const refused = (body: unknown, status = 400): Exchange => ({
  request: { method: 'POST', path: '/berth', headers: {} },
  status,
  headers: { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
  ms: 1,
});
/** The values that would be sent after the refusals, one after another. */
const learnt = (...bodies: unknown[]) => {
  const input = bodies.reduce<Input>((now, body) => taught(now, refused(body)) ?? now, BARE);
  return validValues(input, 'q1tagx');
};

describe('what a refusal says of the body', () => {
  test.each<[string, unknown, Record<string, unknown>]>([
    ['a name in quotes', { error: '"vessel" is required' }, { vessel: expect.any(String) }],
    [
      'two names',
      { error: 'vessel and crew are required' },
      { vessel: expect.anything(), crew: expect.anything() },
    ],
    ['digits', { error: 'hatch must be 6 digits' }, { hatch: expect.stringMatching(/^\d{6}$/) }],
    [
      'digits in words',
      'Missing field: hatch. hatch has to be four digits',
      { hatch: expect.stringMatching(/^\d{4}$/) },
    ],
    [
      'letters, a dash and digits',
      { message: 'buoy must be three capital letters, a dash and 4 digits' },
      { buoy: expect.stringMatching(/^[A-Z]{3}-\d{4}$/) },
    ],
    ['a mask', { error: 'berth should look like PX-0000' }, { berth: expect.stringMatching(/^PX-\d{4}$/) }],
    [
      'characters by their ranges, after a name and a colon',
      { error: 'vessel: 3 to 7 of a-z, 0-9 and -' },
      { vessel: expect.stringMatching(/^[a-z0-9-]{3,7}$/) },
    ],
    [
      'so many of a range',
      { error: 'hatch: 5 characters of A-Z' },
      { hatch: expect.stringMatching(/^[A-Z]{5}$/) },
    ],
    ['an expression', { error: 'tide must match ^t[0-9]{3}$' }, { tide: expect.stringMatching(/^t\d{3}$/) }],
    ['an example', { error: 'mooring is required, for example ab-17' }, { mooring: 'ab-17' }],
    ['a number within bounds', { error: 'crew must be an integer between 2 and 9' }, { crew: 2 }],
    ['one of few', { error: 'flag must be one of red, green, blue' }, { flag: 'red' }],
    [
      'two in one sentence',
      { error: 'hatch (5 digits) and crew (positive integer) are required' },
      { hatch: expect.stringMatching(/^\d{5}$/), crew: 1 },
    ],
    ['an object, written out', { error: 'Send {"crew": 3, "vessel": "Anna"}' }, { crew: 3 }],
    [
      'the issues of zod',
      {
        success: false,
        error: {
          name: 'ZodError',
          issues: [
            {
              code: 'invalid_type',
              expected: 'number',
              path: ['crew'],
              message: 'Invalid input: expected number, received undefined',
            },
            {
              code: 'invalid_value',
              values: ['red', 'green'],
              path: ['flag'],
              message: 'Invalid option: expected one of "red"|"green"',
            },
          ],
        },
      },
      { crew: 1, flag: 'red' },
    ],
    [
      'a map of errors',
      { errors: { crew: ['must be a number'], vessel: ['is required'] } },
      { crew: 1, vessel: expect.anything() },
    ],
    ['name and form: digits', { error: 'depth: four digits' }, { depth: expect.stringMatching(/^\d{4}$/) }],
    ['name and form: a choice', { error: 'lane: north or south' }, { lane: 'north' }],
    ['name and form: a number', { error: 'crew: 3 to 40' }, { crew: 3 }],
    [
      'name and form: a length',
      { error: 'note: 1 to 2000 characters' },
      { note: expect.stringMatching(/^Plain/) },
    ],
    [
      'name and form: a text',
      { error: 'note: a text of up to 9 characters' },
      { note: expect.stringMatching(/^.{1,9}$/) },
    ],
    [
      'a small word for a name, and a whole number of something',
      { error: 'to: another mate; coins: whole pieces above 2' },
      { to: expect.anything(), coins: 3 },
    ],
    [
      'the same as issues',
      {
        problems: [
          { field: 'to', problem: 'another mate' },
          { field: 'coins', problem: 'whole, over 0' },
        ],
      },
      { to: expect.anything(), coins: 1 },
    ],
    [
      'an object with either',
      { error: 'an object with lane or note' },
      { lane: expect.anything(), note: expect.anything() },
    ],
    ['names alone', { missing: ['vessel', 'crew'] }, { vessel: expect.anything(), crew: expect.anything() }],
  ])('%s', (_, body, values) => {
    expect(learnt(body)).toMatchObject(values);
  });

  test('a small word is a name only where it is marked as one', () => {
    for (const error of ['hatch must be set to 6 digits', 'hatch: set to 6 digits, for all'])
      expect(Object.keys(learnt({ error }))).toEqual(['hatch']);
  });

  test('one refusal after another', () => {
    expect(learnt({ error: 'hatch is required' }, { error: 'hatch must be 6 digits' })).toEqual({
      hatch: expect.stringMatching(/^\d{6}$/),
    });
  });

  test('what says nothing teaches nothing', () => {
    for (const body of [{ error: 'Bad request' }, 'invalid', { error: 'The request is not valid.' }])
      expect(learnt(body)).toEqual({});
    const form: Input = { ...BARE, encoding: 'form' };
    expect(taught(form, refused('no'))).toBeUndefined();
  });

  test('a type of media that a 415 names is sent as it is', () => {
    const raw = taught(BARE, refused({ error: 'send image/png' }, 415));
    expect(raw).toMatchObject({ encoding: 'raw', media: 'image/png', fields: [{ name: 'body' }] });
    expect(raw && requestFor(raw, { body: 'x' })).toMatchObject({
      headers: { 'content-type': 'image/png' },
      body: 'x',
    });
    expect(taught(BARE, refused('Only PNG and WebP pictures', 415))?.media).toBe('image/webp');
    expect(taught(BARE, refused('CSV, please', 415))?.media).toBe('text/csv');
  });

  test('JSON instead of a form, and the other way round', () => {
    expect(taught({ ...BARE, encoding: 'form' }, refused({ error: 'Expected JSON' }, 415))?.encoding).toBe(
      'json',
    );
    expect(taught({ ...BARE, encoding: 'json' }, refused('only urlencoded forms', 415))?.encoding).toBe(
      'form',
    );
  });
});
