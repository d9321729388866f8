import type { Identities, Input } from './types.ts';

/** Fields that name somebody. */
const NAMES_SOMEBODY = /^(to|recipient|receiver|payee|beneficiary|user(_?name)?|member|friend|invitee|for)$/i;

/** The input with the names of the users we know, another's first, where a field of its body names somebody. */
export function withPeople(input: Input, { users: [first, ...others] }: Identities): Input {
  if (!first) return input;
  const names = [...others, first].map(({ name }) => name);
  const fields = input.fields.map((field) =>
    field.place === 'body' && field.type === 'text' && NAMES_SOMEBODY.test(field.name)
      ? { ...field, examples: [...new Set([...names, ...(field.examples ?? [])])] }
      : field,
  );
  return { ...input, fields };
}
