import { expect, test } from 'vitest';
import { openReached } from '../../../servers/qa/probe/reached.ts';
import type { Input } from '../../../servers/qa/probe/types.ts';
import { faultOf, reportOfNothing } from '../../../servers/qa/report.ts';

const INPUTS: Input[] = ['/berths', '/berths/{id}/rope'].map((path) => ({
  method: 'POST',
  path,
  encoding: 'json',
  fields: [],
}));
type Answer = [path: string, status: number, by?: string, method?: string];

/** What is said after these answers to what was sent in. */
function said(answers: Answer[], hasUsers = false) {
  const reached = openReached();
  for (const [path, status, by = 'main-path', method = 'POST'] of answers) {
    const request = { method, path, headers: {} };
    reached.see({ request, status, headers: {}, body: `{"error":"no ${status}"}`, ms: 1 }, by);
  }
  return reached.unreached(INPUTS, hasUsers);
}

test('a probe that was refused everywhere says which routes did and what they said', () => {
  const none = said([
    ['/berths', 400, 'discovery'],
    ['/berths', 422],
    ['/berths/1/rope', 422],
  ]);
  expect(none?.kind).toBe('form');
  expect(none?.why).toContain(
    'POST /berths was refused with 422, {"error":"no 422"}; POST /berths/{id}/rope was',
  );
  expect(none?.why).not.toContain('--auth');
  expect(
    said([
      ['/berths', 401],
      ['/berths/1/rope', 422],
    ]),
  ).toMatchObject({
    kind: 'identity',
    why: expect.stringContaining('--auth FILE'),
  });
  expect(said([['/berths', 403]], true)?.why).toContain('The users given may not do it either.');
});

test('one that was accepted anywhere, or refused for no form of its own, says nothing', () => {
  expect(
    said([
      ['/berths', 422],
      ['/berths/7/rope', 201, 'race'],
    ]),
  ).toBeUndefined();
  expect(
    said([
      ['/berths', 404],
      ['/berths/1/rope', 405],
    ]),
  ).toBeUndefined();
  expect(said([['/berths', 422, 'sql-injection']])).toBeUndefined();
  expect(said([])).toBeUndefined();
  // What no route takes is no acceptance.
  expect(
    said([
      ['/berths', 422],
      ['/elsewhere', 200],
      ['/berths', 204, 'cors', 'OPTIONS'],
    ]),
  ).toBeDefined();
});

test('a gate does not close on refusals of form, and does where all want an identity', () => {
  const report = { ...reportOfNothing('x', 1), requests: 9 };
  expect(faultOf(report)).toBeUndefined();
  expect(faultOf({ ...report, unreached: { kind: 'form', why: 'nothing was accepted' } })).toBe(
    'nothing was accepted',
  );
  expect(faultOf({ ...report, unreached: { kind: 'identity', why: 'none' } })).toBeUndefined();
});
