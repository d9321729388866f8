/** What the models would have written. Everything the servers make of it is real. */
export const REQUEST = 'Collect customer testimonials: a page with a form, a wall, an embeddable widget';

export const BRIEF = `# Testimonials for small vendors

score: 32

| dimension | score | evidence |
| --- | --- | --- |
| market size | 8 | Every vendor with a landing page shows quotes; most paste them by hand |
| competition | 7 | Established tools ask a monthly price for one widget |
| feasibility | 9 | One form, one table, one script; nothing that needs an account |
| fit | 8 | A Worker with one database, which this factory ships every week |

What would change the answer: a host platform that gives the widget away.
`;

export const SPEC = `# Testimonials: specification

## Scope
A visitor leaves a testimonial on a page; the wall shows all of them; any site embeds them with one script tag.
Not in scope: accounts, moderation, images, payment.

## Data
testimonial: id, name (1 to 80 characters), role (0 to 120), text (1 to 1000), created_at. One D1 database.

## Endpoints
GET / the form · POST /testimonials · GET /wall · GET /widget.js · GET /embed · GET /api/testimonials · GET /health · GET /openapi.json

## Acceptance criteria
1. A submitted testimonial is on the wall, in the JSON and in the widget.
2. Text is text: no markup that a visitor typed is ever markup on a page of anybody.
3. Missing and oversized fields are refused with 400 and a sentence.
4. Each page works on a phone, with a keyboard, in light and dark.

## Stop conditions
A field that cannot be stored as text; an endpoint that needs an account.
`;

export const POSITIONING = `# Name and positioning

Name: Kindword. For vendors who have happy customers and no time.
Kindword puts what customers say where buyers look, with one line of HTML and no monthly price.
`;

export const LAUNCH_PLAN = `# Launch plan

Week one: the wall on our own site, ten vendors asked by name, one post that shows the line of HTML.
We stop when fewer than three of the ten have embedded it after two weeks.
`;

export const SEO_AUDIT = `# Search audit

The wall has one h1, a title and a description; the embed page is not to be indexed. Structured data: Review
items are not marked up yet, which costs nothing until there are twenty of them.
`;

export const DISPATCH = `# Dispatch

One developer builds to the spec; limit: three rounds. Stop at a contradiction in the spec.
`;

export const RESOURCES = 'The resources of the applied plan exist at the target; infra_list shows them.\n';
