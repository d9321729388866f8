import * as z from 'zod';
import { rowOf, type TestRow } from '../types.ts';

const jest = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          duration: z.number().nullish(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
});

const rspec = z.object({
  examples: z.array(
    z.object({
      full_description: z.string(),
      status: z.string(),
      file_path: z.string(),
      run_time: z.number().optional(),
      exception: z.object({ message: z.string() }).nullish(),
    }),
  ),
});

const goEvent = z.object({
  Action: z.string(),
  Package: z.string().default(''),
  Test: z.string().optional(),
  Elapsed: z.number().default(0),
});

/** The tests of one JSON document: jest's and vitest's `--json`, or rspec's. */
export function rowsOfJson(text: string): TestRow[] {
  const document = parsed(text);
  const ofJest = jest.safeParse(document);
  if (ofJest.success)
    return ofJest.data.testResults.flatMap(({ name: file, assertionResults, message }) =>
      assertionResults.length === 0 && message
        ? [rowOf({ file, name: 'the file itself', state: 'failed', message })]
        : assertionResults.map(({ fullName, status, duration, failureMessages }) =>
            rowOf({
              file,
              name: fullName,
              state: status === 'passed' ? 'passed' : status === 'failed' ? 'failed' : 'skipped',
              ms: duration ?? 0,
              message: failureMessages?.[0] ?? '',
            }),
          ),
    );
  const ofRspec = rspec.safeParse(document);
  if (!ofRspec.success) return [];
  return ofRspec.data.examples.map(({ full_description, status, file_path, run_time = 0, exception }) =>
    rowOf({
      file: file_path,
      name: full_description,
      state: status === 'passed' ? 'passed' : status === 'failed' ? 'failed' : 'skipped',
      ms: run_time * 1000,
      message: exception?.message ?? '',
    }),
  );
}

/** The tests of `go test -json`, one event a line. A package that does not build is a failed row of its own. */
export function rowsOfGo(output: string): TestRow[] {
  const STATES: Record<string, TestRow['state']> = { pass: 'passed', fail: 'failed', skip: 'skipped' };
  const events = output.split('\n').flatMap((line) => {
    const event = line.startsWith('{') ? goEvent.safeParse(parsed(line)) : undefined;
    return event?.success ? [event.data] : [];
  });
  const packagesWithTests = new Set(events.filter(({ Test }) => Test).map((event) => event.Package));
  return events.flatMap(({ Action, Package, Test, Elapsed }) => {
    const state = STATES[Action];
    if (!state) return [];
    if (Test) return [rowOf({ file: Package, name: Test, state, ms: Elapsed * 1000 })];
    const isBroken = state === 'failed' && !packagesWithTests.has(Package);
    return isBroken
      ? [rowOf({ file: Package, name: 'the package itself', state, message: 'it does not build' })]
      : [];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
