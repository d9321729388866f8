import { attribute, type Element, inside, ownText } from './html.ts';
import type { Field, Input } from './types.ts';

const NOT_SENT = new Set(['submit', 'button', 'reset', 'image', 'file']);
const TYPES: Record<string, Field['type']> = {
  email: 'email',
  password: 'password',
  url: 'url',
  date: 'date',
  number: 'number',
  range: 'number',
};

/** A form as a way to send something in; `action` is its address, already resolved. */
export function readForm(form: Element, action: string): Input {
  const method = (attribute(form, 'method') ?? 'get').toUpperCase() === 'POST' ? 'POST' : 'GET';
  const multipart = attribute(form, 'enctype')?.toLowerCase() === 'multipart/form-data';
  const encoding = method === 'GET' ? 'none' : multipart ? 'multipart' : 'form';
  const place = method === 'GET' ? 'query' : 'body';
  const fields: Field[] = [];
  for (const control of inside(form)) {
    const field = readControl(control, place);
    if (field && !fields.some(({ name }) => name === field.name)) fields.push(field);
  }
  return { method, path: action, encoding, fields, origin: 'page' };
}

function readControl(control: Element, place: Field['place']): Field | undefined {
  const name = attribute(control, 'name');
  const type = (attribute(control, 'type') ?? 'text').toLowerCase();
  if (!name || !['input', 'textarea', 'select'].includes(control.tagName) || NOT_SENT.has(type))
    return undefined;
  const options = choices(control, type);
  return {
    name,
    place,
    type: options ? 'choice' : (TYPES[type] ?? 'text'),
    required: attribute(control, 'required') !== undefined,
    minLength: number(control, 'minlength') ?? 0,
    maxLength: number(control, 'maxlength'),
    minimum: number(control, 'min'),
    maximum: number(control, 'max'),
    options: options ?? [],
  };
}

function choices(control: Element, type: string): string[] | undefined {
  if (control.tagName === 'select') {
    const values = [...inside(control)]
      .filter(({ tagName }) => tagName === 'option')
      .map((option) => attribute(option, 'value') ?? ownText(option).trim());
    return [...values.filter((value) => value !== ''), ''];
  }
  if (type === 'checkbox' || type === 'radio') return [attribute(control, 'value') ?? 'on'];
  return type === 'hidden' ? [attribute(control, 'value') ?? ''] : undefined;
}

function number(control: Element, name: string): number | undefined {
  const text = attribute(control, name);
  return text !== undefined && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}
