import { html } from 'hono/html';
import { card } from './card.ts';
import type { Testimonial } from './db.ts';

/** The script another site loads: it puts the newest testimonials where its tag stands, in a shadow tree. */
export function widgetScript(testimonials: Testimonial[], origin: string): string {
  const markup = html`<div class="words">${testimonials.map(card)}</div>
    <p><a href="${origin}/wall">More on the wall</a></p>`;
  return `(() => {
  const tag = document.currentScript;
  if (!tag) return;
  const place = document.createElement('section');
  place.setAttribute('aria-label', 'What customers say');
  const shadow = place.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(${JSON.stringify(STYLES)});
  shadow.adoptedStyleSheets = [sheet];
  shadow.innerHTML = ${JSON.stringify(String(markup))};
  tag.after(place);
})();
`;
}

const STYLES = `
:host { display: block; color-scheme: light dark; font: 16px/1.55 system-ui, sans-serif; }
.words { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(240px, 100%), 1fr)); }
.card { margin: 0; padding: 20px; border: 1px solid #e4dccf; border-radius: 14px; background: #fff; color: #1f1b16; }
blockquote { margin: 0 0 14px; overflow-wrap: anywhere; white-space: pre-line; }
figcaption { font-size: 14px; overflow-wrap: anywhere; }
figcaption span { display: block; color: #5f574d; }
p { margin: 12px 0 0; font-size: 14px; }
a { color: #9a3412; }
@media (prefers-color-scheme: dark) {
  .card { border-color: #3a332b; background: #211d19; color: #f3ede4; }
  figcaption span { color: #b8ad9f; }
  a { color: #fdba74; }
}
`;
