import { html, raw } from 'hono/html';
import type { Testimonial } from './db.ts';

/** One testimonial, as the wall and the widget show it. */
export function card(testimonial: Testimonial) {
  return html`<figure class="card">
      <blockquote>${testimonial.quote}</blockquote>
      <figcaption>${byline(testimonial)}</figcaption>
    </figure>`;
}

function byline({ author, affiliation }: Testimonial) {
  const name = `<strong>${author}</strong>`;
  return raw(affiliation ? `${name}<span>${affiliation}</span>` : name);
}
