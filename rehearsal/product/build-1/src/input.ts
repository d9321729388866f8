import type { NewTestimonial } from './db.ts';

/** Lengths in characters; the form, the API and its description all take them from here. */
export const LIMITS = {
  author: { min: 1, max: 80 },
  affiliation: { min: 0, max: 120 },
  quote: { min: 10, max: 600 },
} as const;

export type Field = keyof NewTestimonial | 'consent';
export type Errors = Partial<Record<Field, string>>;
export type Checked = { ok: true; value: NewTestimonial } | { ok: false; errors: Errors };

/** Checks what a visitor sent, by form or as JSON. Anything that is not text counts as left out. */
export function checkInput(input: Record<string, unknown>): Checked {
  const value = {
    author: line(input.author),
    affiliation: line(input.affiliation),
    quote: clean(input.quote),
  };
  const errors: Errors = {};
  for (const field of ['author', 'affiliation', 'quote'] as const) {
    const problem = lengthProblem(value[field], LIMITS[field]);
    if (problem) errors[field] = problem;
  }
  if (input.consent !== 'yes' && input.consent !== true)
    errors.consent = 'We publish only with your consent.';
  return Object.keys(errors).length === 0 ? { ok: true, value } : { ok: false, errors };
}

/** A positive whole number from a query string, or undefined. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

/** Text without control characters (line breaks stay) and without space around it. */
function clean(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n]/gu, '')
    .trim();
}

function line(value: unknown): string {
  return clean(value).replace(/\s+/g, ' ');
}

function lengthProblem(text: string, { min, max }: { min: number; max: number }): string | undefined {
  const length = [...text].length;
  if (length === 0 && min > 0) return 'Please fill this in.';
  if (length < min) return `At least ${min} characters, please.`;
  if (length > max) return `At most ${max} characters, please; these are ${length}.`;
  return undefined;
}
