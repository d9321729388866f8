import type { Field } from './types.ts';

/** A required field of which nothing but its name and place is known: a text of any length. */
export const textField = (name: string, place: Field['place']): Field => ({
  name,
  place,
  type: 'text',
  required: true,
  minLength: 0,
  maxLength: undefined,
  minimum: undefined,
  maximum: undefined,
  options: [],
});
