import { LIMITS } from './input.ts';

const text = (name: keyof typeof LIMITS) => ({
  type: 'string',
  minLength: LIMITS[name].min,
  maxLength: LIMITS[name].max,
});

const words = {
  author: text('author'),
  affiliation: text('affiliation'),
  quote: text('quote'),
};

const refusal = {
  type: 'object',
  required: ['errors'],
  properties: { errors: { type: 'object', additionalProperties: { type: 'string' } } },
};

const json = (schema: object) => ({ 'application/json': { schema } });

/** What the API offers, for programs. */
export const openapi = {
  openapi: '3.1.0',
  info: { title: 'Kind Words', version: '1.0.0', description: 'Customer testimonials.' },
  paths: {
    '/health': { get: { summary: 'Is it up?', responses: { 200: { description: 'It is.' } } } },
    '/api/testimonials': {
      get: {
        summary: 'The newest testimonials.',
        parameters: [
          { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100, default: 24 } },
          {
            name: 'before',
            in: 'query',
            description: 'Only ids below.',
            schema: { type: 'integer', minimum: 1 },
          },
        ],
        responses: {
          200: {
            description: 'Newest first.',
            content: json({
              type: 'object',
              required: ['testimonials'],
              properties: {
                testimonials: {
                  type: 'array',
                  items: {
                    type: 'object',
                    properties: {
                      id: { type: 'integer' },
                      ...words,
                      created_at: { type: 'string', format: 'date-time' },
                    },
                  },
                },
              },
            }),
          },
        },
      },
      post: {
        summary: 'Add one.',
        requestBody: {
          required: true,
          content: json({
            type: 'object',
            required: ['author', 'quote', 'consent'],
            properties: { ...words, consent: { type: 'boolean', const: true } },
          }),
        },
        responses: {
          201: { description: 'It is on the wall.' },
          400: { description: 'Not a JSON object.', content: json(refusal) },
          413: { description: 'Larger than 16 KB.', content: json(refusal) },
          422: { description: 'A field is missing, too short or too long.', content: json(refusal) },
        },
      },
    },
  },
};
