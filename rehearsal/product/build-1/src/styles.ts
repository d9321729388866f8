/** The look of every page. Two colour schemes by the same names; contrast is at least 4.5 to 1. */
export const styles = `
:root {
  color-scheme: light dark;
  --paper: #faf7f2; --sheet: #ffffff; --ink: #1f1b16; --soft: #5f574d; --line: #e4dccf; --edge: #857a6c;
  --accent: #9a3412; --on-accent: #ffffff; --bad: #b42318; --good: #1d6b43;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171411; --sheet: #211d19; --ink: #f3ede4; --soft: #b8ad9f; --line: #3a332b; --edge: #8d8172;
    --accent: #fdba74; --on-accent: #2a1405; --bad: #fda29b; --good: #86dfae;
  }
}
*, *::before, *::after { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 0 clamp(16px, 4vw, 40px); max-width: 1120px; min-height: 100vh;
  display: flex; flex-direction: column;
  background: var(--paper); color: var(--ink); font: 17px/1.6 system-ui, sans-serif;
}
main { flex: 1; padding: clamp(24px, 6vw, 64px) 0; }
h1, h2, .brand, blockquote { font-family: ui-serif, Georgia, "Times New Roman", serif; text-wrap: balance; }
h1 { margin: 0 0 12px; font-size: clamp(30px, 6vw, 46px); line-height: 1.12; letter-spacing: -0.015em; font-weight: 600; }
h2 { margin: 40px 0 16px; font-size: 22px; }
a { color: var(--accent); text-underline-offset: 3px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 4px; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 16px; top: 8px; padding: 8px 12px; background: var(--sheet); z-index: 1; }
.top {
  display: flex; flex-wrap: wrap; gap: 4px 24px; align-items: center; justify-content: space-between;
  padding: 16px 0; border-bottom: 1px solid var(--line);
}
.brand { font-size: 21px; font-weight: 600; color: var(--ink); text-decoration: none; }
nav { display: flex; gap: 4px; margin: 0 -12px; }
nav a { padding: 10px 12px; color: var(--soft); text-decoration: none; border-radius: 8px; }
nav a:hover { color: var(--ink); }
nav a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: underline; text-decoration-color: var(--accent); text-decoration-thickness: 2px; text-underline-offset: 7px; }
.lead { margin: 0 0 28px; color: var(--soft); font-size: 19px; max-width: 58ch; }
.narrow { max-width: 600px; margin: 0 auto; }
.field { margin: 0 0 22px; }
label { display: block; font-weight: 600; }
.hint { margin: 0; color: var(--soft); font-size: 15px; }
input[type="text"], textarea {
  display: block; width: 100%; margin-top: 6px; padding: 12px 14px;
  border: 1px solid var(--edge); border-radius: 10px; background: var(--sheet); color: var(--ink); font: inherit;
}
textarea { resize: vertical; min-height: 140px; }
[aria-invalid] { border-color: var(--bad) !important; box-shadow: inset 0 0 0 1px var(--bad); }
.check { display: flex; gap: 12px; align-items: flex-start; font-weight: 400; cursor: pointer; }
.check input { flex: none; width: 22px; height: 22px; margin: 3px 0 0; accent-color: var(--accent); }
.problem { margin: 6px 0 0; color: var(--bad); font-size: 15px; }
.alert, .notice { margin: 20px 0 24px; padding: 12px 16px; border-left: 4px solid var(--bad); background: var(--sheet); border-radius: 0 10px 10px 0; }
.notice { border-color: var(--good); }
button {
  min-height: 48px; padding: 10px 32px; border: 0; border-radius: 999px;
  background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; cursor: pointer;
}
button:hover { filter: brightness(1.08); }
.wall { margin-top: 32px; columns: 3 300px; column-gap: 20px; }
.card { break-inside: avoid; margin: 0 0 20px; padding: 24px; border: 1px solid var(--line); border-radius: 16px; background: var(--sheet); }
blockquote { margin: 0 0 16px; font-size: 19px; line-height: 1.5; text-wrap: pretty; white-space: pre-line; overflow-wrap: anywhere; }
figcaption { font-size: 15px; line-height: 1.4; overflow-wrap: anywhere; }
figcaption span { display: block; color: var(--soft); }
.more { display: inline-block; padding: 10px 0; }
pre { margin: 0; padding: 18px 20px; white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); border-radius: 12px; background: var(--sheet); font-size: 15px; }
.preview { padding: clamp(14px, 3vw, 28px); border: 1px dashed var(--edge); border-radius: 16px; }
footer { padding: 20px 0 32px; border-top: 1px solid var(--line); color: var(--soft); font-size: 15px; }
`;
