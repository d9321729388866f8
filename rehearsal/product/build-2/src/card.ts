import { html } from 'hono/html';
import type { Testimonial } from './db.ts';

/** One testimonial, as the wall and the widget show it. All of it is text: nothing a customer wrote is markup. */
export function card({ author, affiliation, quote }: Testimonial) {
  return html`<figure class="card">
      <blockquote>${quote}</blockquote>
      <figcaption><strong>${author}</strong>${affiliation ? html`<span>${affiliation}</span>` : ''}</figcaption>
    </figure>`;
}
