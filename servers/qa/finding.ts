import * as z from 'zod';

/** How bad a finding is. `critical` and `high` and `medium` fail a verdict; `low` is only told. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;
export type Severity = (typeof SEVERITIES)[number];

/**
 * A defect as every check of QA hands it in; docs/qa-classes.md lists the classes. `where` is "METHOD /path", a
 * selector with page and size, or file:line. `reproduce` is what a person pastes or does. Only what was seen twice
 * is `confirmed`, and only that counts in a verdict.
 */
export const finding = z.strictObject({
  class: z.string().regex(/^[a-z][a-z-]{1,40}$/),
  severity: z.enum(SEVERITIES),
  where: z.string().max(2_500),
  what: z.string().max(2_000),
  reproduce: z.string().max(200_000),
  confirmed: z.boolean(),
});
export type Finding = z.infer<typeof finding>;

const FAILING: readonly Severity[] = ['critical', 'high', 'medium'];

/** Whether a finding keeps a product from PASS. */
export const fails = ({ severity, confirmed }: Finding): boolean => confirmed && FAILING.includes(severity);

/** Worst first, then by class and place. */
export const worstFirst = <F extends Finding>(findings: readonly F[]): F[] =>
  findings.toSorted(
    (a, b) =>
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      a.class.localeCompare(b.class) ||
      a.where.localeCompare(b.where),
  );
