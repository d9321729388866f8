import { html } from 'hono/html';
import { card } from './card.ts';
import type { Testimonial } from './db.ts';
import { type Errors, type Field, LIMITS } from './input.ts';
import { page } from './layout.ts';

/** The form. After a refusal it shows what was typed, and beside each field what is wrong with it. */
export function formPage(typed: Partial<Record<Field, string>> = {}, errors: Errors = {}) {
  const refused = Object.keys(errors).length > 0;
  return page(
    refused ? 'Please check your words' : 'Tell us how it went',
    '/',
    html`<div class="narrow">
      <h1>Tell us how it went</h1>
      <p class="lead">A few honest sentences help the next person decide. It takes a minute.</p>
      ${refused ? html`<p class="alert" role="alert">Not sent yet: please check the marked fields.</p>` : ''}
      <form method="post" action="/testimonials" novalidate>
        ${field('quote', 'Your words', html`<textarea ${attributes('quote', errors)} rows="6">${typed.quote ?? ''}</textarea>`, errors, `${LIMITS.quote.min} to ${LIMITS.quote.max} characters.`)}
        ${field('author', 'Your name', html`<input ${attributes('author', errors)} type="text" autocomplete="name" value="${typed.author ?? ''}" />`, errors)}
        ${field('affiliation', 'Role and company', html`<input ${attributes('affiliation', errors)} type="text" autocomplete="organization-title" value="${typed.affiliation ?? ''}" />`, errors, 'Optional, for example “Head of Support, Northwind”.')}
        <div class="field">
          <label class="check" for="consent">
            <input type="checkbox" id="consent" name="consent" value="yes" required ${typed.consent ? html`checked` : ''} ${described('consent', errors)} />
            <span>You may publish my words with my name.</span>
          </label>
          ${problem('consent', errors)}
        </div>
        <button type="submit">Send</button>
      </form>
    </div>`,
  );
}

/** The wall: one page of testimonials and, when there are more, the way to older ones. */
export function wallPage(testimonials: Testimonial[], older: number | undefined, justSent: boolean) {
  return page(
    'What customers say',
    '/wall',
    html`<h1>What customers say</h1>
      ${justSent ? html`<p class="notice" role="status">Thank you! Your words are on the wall.</p>` : ''}
      ${
        testimonials.length === 0
          ? html`<p class="lead">Nobody has written yet. <a href="/">Be the first.</a></p>`
          : html`<div class="wall">${testimonials.map(card)}</div>`
      }
      ${older === undefined ? '' : html`<p><a class="more" href="/wall?before=${older}">Older words</a></p>`}`,
  );
}

/** How to embed the widget, and the widget itself, live. */
export function embedPage(origin: string) {
  const snippet = `<script src="${origin}/widget.js?limit=3" async></script>`;
  return page(
    'Put them on your site',
    '/embed',
    html`<h1>Put them on your site</h1>
      <p class="lead">Paste this line where the words shall appear. Choose 1 to 12 with <code>limit</code>.</p>
      <pre><code>${snippet}</code></pre>
      <h2>It looks like this</h2>
      <div class="preview"><script src="/widget.js?limit=3" async></script></div>`,
  );
}

/** A page that says one thing, and offers the way back. */
export function messagePage(title: string, text: string) {
  return page(
    title,
    '',
    html`<div class="narrow"><h1>${title}</h1><p class="lead">${text}</p><p><a href="/">Back to the form</a></p></div>`,
  );
}

function field(name: Field, label: string, control: ReturnType<typeof html>, errors: Errors, hint?: string) {
  return html`<div class="field">
    <label for="${name}">${label}</label>
    ${hint ? html`<p class="hint" id="${name}-hint">${hint}</p>` : ''}
    ${control}
    ${problem(name, errors)}
  </div>`;
}

function attributes(name: keyof typeof LIMITS, errors: Errors) {
  const { min, max } = LIMITS[name];
  return html`id="${name}" name="${name}" maxlength="${max}" ${min > 0 ? html`minlength="${min}" required` : ''} ${described(name, errors)}`;
}

function described(name: Field, errors: Errors) {
  const hint = name === 'quote' || name === 'affiliation' ? `${name}-hint` : '';
  const ids = errors[name] ? `${name}-problem ${hint}`.trim() : hint;
  return html`${ids ? html`aria-describedby="${ids}"` : ''} ${errors[name] ? html`aria-invalid="true"` : ''}`;
}

function problem(name: Field, errors: Errors) {
  return errors[name] ? html`<p class="problem" id="${name}-problem">${errors[name]}</p>` : '';
}
