import { html } from 'hono/html';

type Markup = ReturnType<typeof html>;

const NAVIGATION = [
  { href: '/', label: 'Write one' },
  { href: '/wall', label: 'Wall' },
  { href: '/embed', label: 'Embed' },
];

/** A whole page. `path` marks where the visitor is in the navigation. */
export function page(title: string, path: string, content: Markup): Markup {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="description" content="Collect customer testimonials and show them anywhere." />
    <title>${title} · Kind Words</title>
    <link rel="stylesheet" href="/styles.css" />
    <link rel="icon" href="data:," />
  </head>
  <body>
    <a class="skip" href="#content">Skip to content</a>
    <header class="top">
      <a class="brand" href="/">Kind Words</a>
      <nav aria-label="Main">
        ${NAVIGATION.map(
          ({ href, label }) =>
            html`<a href="${href}" ${href === path ? html`aria-current="page"` : ''}>${label}</a>`,
        )}
      </nav>
    </header>
    <main id="content">${content}</main>
    <footer>Every word here was written by a customer, and is shown as it was written.</footer>
  </body>
</html>`;
}
