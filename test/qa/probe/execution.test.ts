import { describe, expect, test } from 'vitest';
import { findExecution } from '../../../servers/qa/probe/execution.ts';
import { splitScript } from '../../../servers/qa/probe/script.ts';

const TAG = 'q1234567x';
const IMG = `'"><img src=x onerror=${TAG}()>`;
const escaped = IMG.replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const answer = (body: string, type = 'text/html; charset=utf-8', more: Record<string, string> = {}) => ({
  request: { method: 'GET', path: '/', headers: {} },
  status: 200,
  headers: { 'content-type': type, ...more },
  body,
  ms: 1,
});
const js = (body: string) => answer(body, 'text/javascript');

describe('what a browser would run', () => {
  test.each([
    ['an element in text', answer(`<p>${IMG}</p>`)],
    ['out of a quoted attribute', answer(`<input value="${IMG}">`)],
    ['a handler added to an attribute', answer(`<input value="" onfocus=${TAG}() x="">`)],
    ['a handler whose string was left', answer(`<b onclick="go('&#39;-${TAG}()-&#39;')">`)],
    ['a javascript: address, with a tab in its scheme', answer(`<a href="java\tscript:${TAG}()">x</a>`)],
    ['a page in a page', answer(`<iframe srcdoc="&lt;img onerror=${TAG}()&gt;"></iframe>`)],
    ['an inline script', answer(`<script>let a = ''-${TAG}()-'';</script>`)],
    ['a script ended early', answer(`<script>let a = "</script><img src=x onerror=${TAG}()>";</script>`)],
    ['an element in a template', answer(`<template><i>${IMG}</i></template>`)],
    ['no content type at all', answer(`<p>${IMG}`, '')],
    ['a picture that is a document', answer(`<svg onload="${TAG}()"/>`, 'image/svg+xml')],
    ['markup set by a script', js(`el.innerHTML = ${JSON.stringify(`<li>${IMG}</li>`)}`)],
    ['markup set by a script from a template', js(`el.innerHTML = \`<li>${IMG}</li>\``)],
    ['a string left, in a script', js(`var a = ''-${TAG}()-''`)],
    ['an expression in a template', js(`var a = \`\${${TAG}()}\``)],
  ])('%s', (_, page) => {
    expect(findExecution(page, TAG)).toBeDefined();
  });
});

describe('what it would only show', () => {
  test.each([
    ['escaped text', answer(`<p>${escaped}</p>`)],
    ['an escaped attribute', answer(`<input value="${escaped}">`)],
    ['a comment', answer(`<!-- <img onerror=${TAG}()> -->`)],
    ['the text of a form field', answer(`<textarea><img onerror=${TAG}()></textarea>`)],
    ['data in a page', answer(`<script type="application/json">{"a":"<img onerror=${TAG}()>"}</script>`)],
    ['a string of an inline script', answer(`<script>let a = "\\"-${TAG}()-\\"";</script>`)],
    ['JSON', answer(JSON.stringify({ a: IMG }), 'application/json')],
    ['plain text', answer(IMG, 'text/plain')],
    ['an address that only holds the word', answer(`<a href="/search?q=javascript:${TAG}()">x</a>`)],
    ['escaped markup set by a script', js(`el.innerHTML = ${JSON.stringify(`<li>${escaped}</li>`)}`)],
    [
      'data that a script sets as text',
      js(`el.innerHTML = "<ul></ul>"; add.textContent = ${JSON.stringify(IMG)}`),
    ],
    [
      'data that a script parses',
      js(`el.innerHTML = ""; d = JSON.parse(${JSON.stringify(JSON.stringify([{ b: '<b>x</b>', a: IMG }]))})`),
    ],
    ['markup that no script renders', js(`el.textContent = ${JSON.stringify(`<li>${IMG}</li>`)}`)],
    ['a comment of a script', js(`/* ${TAG}() */ // ${TAG}()\n1`)],
  ])('%s', (_, page) => {
    expect(findExecution(page, TAG)).toBeUndefined();
  });
});

test('a policy without unsafe-inline holds the script back, one with it does not', () => {
  const held = (policy: string) =>
    findExecution(answer(`<p>${IMG}`, 'text/html', { 'content-security-policy': policy }), TAG)?.heldBack;
  expect(held("default-src 'none'; script-src 'self'")).toBe(true);
  expect(held("default-src 'self'")).toBe(true);
  expect(held("script-src 'self' 'unsafe-inline'")).toBe(false);
  expect(held("img-src 'self'")).toBe(false);
});

test('a script is split into code and strings', () => {
  const source = [
    String.raw`a = "x\"y" + 'z' / 2; b = /"[/"]'/g.test(c);`,
    'd = `p$' + '{ {e: "q"}.e + `r` }s`; // "t"',
    String.raw`/* 'u' */ f = '\u0041\x42\ `.trimEnd(),
    "c'",
  ].join('\n');
  const { code, strings } = splitScript(source);
  expect(strings).toEqual(['x"y', 'z', 'p', 'q', 'r', 's', 'ABc']);
  expect(code.replace(/\s+/g, ' ')).toBe('a = "" + "" / 2; b = "".test(c); d = "" {e: ""}.e + "" ""; f = ""');
});
