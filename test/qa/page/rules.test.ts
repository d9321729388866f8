import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { walkWithTab } from '../../../servers/qa/page/keyboard.ts';
import { launch } from '../../../servers/qa/page/launch.ts';
import { accessibility, brokenImages, measure } from '../../../servers/qa/page/measure.ts';
import { openWidgets } from '../../../servers/qa/page/open_widgets.ts';
import { type OpenWindow, openWindow } from '../../../servers/qa/page/window.ts';
import { carriedChromium } from './chromium.ts';

let browser: Browser;
let window: OpenWindow;
let page: Page;
const URL_OF_PAGE = 'http://127.0.0.1:9/page';

beforeAll(async () => {
  browser = await launch(await carriedChromium(), ['127.0.0.1']);
  window = await openWindow(browser, { origin: 'http://127.0.0.1:9', size: 'phone', allow: [] });
  page = window.page;
});
afterAll(() => browser.close());

const STYLE =
  'body{font:16px/1.5 sans-serif;margin:16px;color:#111;background:#fff}button{font:inherit}.box{width:200px}';

async function show(body: string, style = ''): Promise<void> {
  await page.route(URL_OF_PAGE, (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<!doctype html><html lang="en"><head><title>T</title><meta name="viewport" content="width=device-width"><style>${STYLE}${style}</style></head><body>${body}</body></html>`,
    }),
  );
  await page.goto(URL_OF_PAGE);
  await page.unroute(URL_OF_PAGE);
}
const classes = (faults: { class: string }[]) => [...new Set(faults.map((fault) => fault.class))].sort();

/** What is found when everything in the page is opened. */
async function whenOpened(body: string, style = ''): Promise<string[]> {
  await show(body, style);
  const found: string[] = [];
  const { opened } = await openWidgets(
    page,
    URL_OF_PAGE,
    { most: 5, until: () => false },
    async ({ faults }) => {
      found.push(...faults.map((fault) => `${fault.class} ${fault.severity}`));
    },
  );
  expect(opened).toBeGreaterThan(0);
  return [...new Set(found)].sort();
}

describe('at rest', () => {
  test.each<[what: string, expected: string[], body: string, style?: string]>([
    ['a plain page', [], '<h1>Hi</h1><p>Text with <a href="/x">a link</a>.</p><button>Save</button>'],
    // clipped
    [
      'a button half outside a box that hides',
      ['clipped'],
      '<div style="width:90px;overflow:hidden;white-space:nowrap"><button style="width:160px">Save all</button></div>',
    ],
    ['a collapsed panel', [], '<div style="height:0;overflow:hidden"><button>Save all</button></div>'],
    [
      'a list that scrolls',
      [],
      '<div style="height:60px;overflow:auto"><p>one</p><p>two</p><button>three</button><p>four</p></div>',
    ],
    [
      'a strip of cards that scrolls',
      [],
      '<div style="overflow-x:auto;white-space:nowrap;width:200px"><button style="width:150px">A</button><button style="width:150px">B</button></div>',
    ],
    [
      'fixed inside a box that hides',
      [],
      '<div style="width:50px;height:20px;overflow:hidden"><button style="position:fixed;top:200px;left:20px">Save</button></div>',
    ],
    // cut-text
    [
      'text cut in a narrow box',
      ['cut-text'],
      '<p style="width:80px;overflow:hidden;white-space:nowrap">A long product name</p>',
    ],
    [
      'text with an ellipsis',
      [],
      '<p style="width:80px;overflow:hidden;white-space:nowrap;text-overflow:ellipsis">A long product name</p>',
    ],
    [
      'text with a title',
      [],
      '<p title="A long product name" style="width:80px;overflow:hidden;white-space:nowrap">A long product name</p>',
    ],
    [
      'lines cut at the bottom',
      ['cut-text'],
      '<div style="height:36px;width:120px;overflow:hidden">The price is shown without tax and the total is below</div>',
    ],
    [
      'lines behind a way to read more',
      [],
      '<div><div style="height:36px;width:120px;overflow:hidden">The price is shown without tax and the total is below</div><button>Read more</button></div>',
    ],
    ['a tight heading', [], '<h1 style="line-height:1;overflow:hidden">Typography gjpq</h1>'],
    [
      'for screen readers only',
      [],
      '<span style="position:absolute;width:1px;height:1px;overflow:hidden;clip:rect(0,0,0,0);white-space:nowrap">Skip to the content</span><p>Text</p>',
    ],
    // unreachable
    [
      'a button under an empty layer',
      ['unreachable'],
      '<div style="position:relative"><button>Save</button><div style="position:absolute;inset:0"></div></div>',
    ],
    [
      'a switch drawn by its label',
      [],
      '<label style="position:relative;display:block"><input type="checkbox" style="opacity:0;position:absolute"><span style="position:absolute;inset:0">On</span>&nbsp;</label>',
    ],
    [
      'a card that is one link',
      [],
      '<div style="position:relative"><p>Text</p><a href="/x">Open</a><style>a::after{content:"";position:absolute;inset:0}</style></div>',
    ],
    [
      'a button under a box that the style adds to its card',
      ['unreachable'],
      '<style>.card{position:relative}.card::before{content:"";position:absolute;inset:0}</style><div class="card"><p>Text</p><button>Save</button></div>',
    ],
    [
      'the same where pointers pass, and where the button stands above',
      [],
      '<style>.card{position:relative}.card::before{content:"";position:absolute;inset:0;pointer-events:none}.shade::after{content:"";position:absolute;inset:0}.shade button{position:relative;z-index:1}.shade{position:relative}</style><div class="card"><button>Save</button></div><div class="shade"><button>Send</button></div>',
    ],
    [
      'a link with a round mark added by the style beside it',
      [],
      '<style>.tag{position:relative;padding-left:20px}.tag::before{content:"";position:absolute;left:0;top:4px;width:10px;height:10px}</style><div class="tag"><a href="/x">News</a></div>',
    ],
    [
      'under a section that is called a banner and stays',
      ['unreachable'],
      '<button style="display:block">Save</button><section class="banner" style="position:relative;margin-top:-40px;height:120px;background:#eee"><p>New in the shop</p></section>',
    ],
    [
      'under a banner that can be closed',
      [],
      '<button style="display:block">Save</button><section class="banner" style="position:absolute;top:0;left:0;width:300px;height:120px;background:#eee"><p>New</p><button aria-label="Close">x</button></section>',
    ],
    [
      'under a cookie banner',
      [],
      '<button>Save</button><div role="dialog" aria-label="Cookies" style="position:fixed;inset:0;background:#fff">Cookies? <button>Yes</button></div>',
    ],
    [
      'under a sticky header while scrolled',
      [],
      '<header style="position:sticky;top:0;background:#fff">Shop</header><div style="height:2000px"></div><button>Save</button><div style="height:900px"></div>',
    ],
    // off-screen
    [
      'a button beyond the left edge',
      ['off-screen'],
      '<button style="position:absolute;left:-60px;top:10px;width:100px">Save all</button>',
    ],
    [
      'a fixed bar beyond the bottom',
      ['off-screen'],
      '<div style="position:fixed;top:100vh;left:0"><button>Save</button></div>',
    ],
    [
      'a skip link',
      [],
      '<style>.skip{position:absolute;left:-9999px}.skip:focus{left:8px}</style><a class="skip" href="#main">Skip</a><p id="main">Text</p>',
    ],
    [
      'a closed drawer that is inert',
      [],
      '<nav inert style="position:fixed;left:-300px;width:300px"><a href="/x">Home</a></nav><button aria-expanded="false">Menu</button>',
    ],
    // horizontal-scroll
    ['wider than the window', ['horizontal-scroll'], '<div style="width:600px;background:#eee">wide</div>'],
    [
      'a wide table that scrolls by itself',
      [],
      '<div style="overflow-x:auto"><table style="width:900px"><tr><td>wide</td></tr></table></div>',
    ],
    // overlap
    [
      'two texts on one place',
      ['overlap'],
      '<p style="margin:0">First line of text</p><p style="margin:-18px 0 0">Second line of text</p>',
    ],
    [
      'two buttons on one place',
      ['overlap'],
      '<button style="width:140px">Save</button><button style="width:140px;margin-left:-60px">Cancel</button>',
    ],
    [
      'a badge on a button',
      [],
      '<div style="position:relative;display:inline-block"><button style="width:120px">Inbox</button><button style="position:absolute;right:-8px;top:-8px;width:20px;height:20px;padding:0">3</button></div>',
    ],
    [
      'a button inside a field',
      [],
      '<div style="position:relative;width:220px"><input aria-label="Search" style="width:100%;padding-right:60px"><button style="position:absolute;right:2px;top:2px;width:40px">Go</button></div>',
    ],
    [
      'a label that floats in its field',
      [],
      '<div style="position:relative"><label for="n" style="position:absolute;left:8px;top:4px">Name</label><input id="n" style="padding:8px"></div>',
    ],
    [
      'text on a picture',
      [],
      '<div style="position:relative"><div style="background:#ddd;height:100px"></div><p style="position:absolute;top:10px;left:10px">Caption</p></div>',
    ],
  ])('%s', async (_what, expected, body, style) => {
    await show(body, style);
    expect(classes(await measure(page))).toEqual(expected);
  });
});

const CALENDAR = Array.from({ length: 28 }, (_, day) => `<button type="button">${day + 1}</button>`).join('');
const GRID = 'display:grid;grid-template-columns:repeat(7,1fr);width:240px;background:#fff;border:1px solid';
const toggled = 'onclick="p.hidden=!p.hidden"';

describe('what is opened', () => {
  test.each<[what: string, expected: string[], body: string, style?: string]>([
    [
      'a date picker cut off by its card',
      ['clipped high'],
      `<div style="position:relative;overflow:hidden;height:90px;width:300px"><input readonly name="date" aria-label="When" ${toggled}><div id="p" hidden style="position:absolute;top:40px;${GRID}">${CALENDAR}</div></div>`,
    ],
    [
      'the same in the top layer',
      [],
      `<div style="position:relative;overflow:hidden;height:90px;width:300px"><button popovertarget="p">When</button><div id="p" popover style="${GRID.replace('display:grid;', '')}">${CALENDAR}</div></div>`,
    ],
    [
      'the same, fixed',
      [],
      `<div style="overflow:hidden;height:60px;width:300px"><input readonly name="date" aria-label="When" ${toggled}><div id="p" hidden style="position:fixed;top:140px;left:20px;${GRID}">${CALENDAR}</div></div>`,
    ],
    [
      'the same, where the card is no containing block',
      [],
      `<div style="overflow:hidden;height:60px;width:300px"><input readonly name="date" aria-label="When" ${toggled}><div id="p" hidden style="position:absolute;${GRID}">${CALENDAR}</div></div>`,
    ],
    [
      'in a card that scrolls',
      ['clipped low'],
      `<div style="position:relative;overflow:auto;height:90px;width:300px"><input readonly name="date" aria-label="When" ${toggled}><div id="p" hidden style="position:absolute;top:40px;${GRID}">${CALENDAR}</div></div>`,
    ],
    [
      'a menu that reaches out of the window',
      ['off-screen high'],
      `<div style="position:absolute;right:10px;top:10px"><button aria-haspopup="menu" ${toggled}>Menu</button><div id="p" role="menu" hidden style="position:fixed;left:330px;width:200px;background:#fff"><a href="/a">One</a><br><a href="/b">Two</a></div></div>`,
    ],
    [
      'a menu under another layer',
      ['unreachable high'],
      `<div style="position:relative;z-index:0"><button aria-haspopup="menu" ${toggled}>Menu</button><div id="p" role="menu" hidden style="position:absolute;top:40px;width:160px;background:#fff"><button>One</button></div></div><div style="position:relative;z-index:1;height:200px;background:#eee"></div>`,
    ],
    ['details', [], '<details><summary>More about it</summary><p>Text that explains it.</p></details>'],
    [
      'a dialog',
      [],
      '<button onclick="d.showModal()" aria-haspopup="dialog">Open</button><dialog id="d"><p>Sure?</p><form method="dialog"><button>Yes</button></form></dialog>',
    ],
    [
      'a dialog that is wider than the window',
      ['off-screen high'],
      '<button onclick="d.showModal()" aria-haspopup="dialog">Open</button><dialog id="d" style="width:640px;max-width:none"><p>Sure?</p><form method="dialog"><button>Yes</button></form></dialog>',
    ],
    [
      'a dialog in the middle of a layer, wider than both',
      ['off-screen high'],
      `<button aria-haspopup="dialog" ${toggled}>Open</button><div id="p" hidden style="position:fixed;inset:0;background:#0008"><div role="dialog" aria-label="Pay" style="position:absolute;left:50%;top:80px;width:560px;height:200px;transform:translateX(-50%);background:#fff"><p>Pay now or later</p><button style="display:block;margin:0 auto">Pay later</button></div></div>`,
    ],
    [
      'a dialog that is higher than the window and scrolls',
      [],
      `<button onclick="d.showModal()" aria-haspopup="dialog">Open</button><dialog id="d">${'<p>Terms of use</p>'.repeat(60)}<form method="dialog"><button>Yes</button></form></dialog>`,
    ],
    [
      'a list that is long and scrolls',
      [],
      `<button aria-expanded="false" ${toggled}>Pick</button><ul id="p" hidden style="max-height:100px;overflow:auto;width:120px">${'<li><button>Item</button></li>'.repeat(20)}</ul>`,
    ],
  ])('%s', async (_what, expected, body, style) => {
    const hidden = '[hidden]{display:none!important}';
    expect(await whenOpened(body, hidden + (style ?? ''))).toEqual(expected);
  });
});

describe('by keyboard', () => {
  const links = Array.from({ length: 8 }, (_, i) => `<a href="/${i}">Link ${i}</a> `).join('');
  test.each<[what: string, expected: string[], body: string]>([
    ['an ordinary page', [], `${links}<button>Save</button><input aria-label="Name">`],
    [
      'a box that acts as a button',
      ['keyboard-unreachable'],
      `${links}<div style="cursor:pointer" onclick="1">Save</div>`,
    ],
    [
      'the same with a role and a place in the order',
      [],
      `${links}<div role="button" tabindex="0" style="cursor:pointer" onclick="1">Save</div>`,
    ],
    [
      'a card with a link in it',
      [],
      `${links}<div style="cursor:pointer" onclick="1">Card <a href="/card">open</a></div>`,
    ],
    [
      'tabs with a roving place',
      [],
      `${links}<div role="tablist"><button role="tab" tabindex="0">A</button><button role="tab" tabindex="-1">B</button></div>`,
    ],
    [
      'a button taken out of the order',
      ['keyboard-unreachable'],
      `${links}<button tabindex="-1">Save all</button>`,
    ],
    [
      'focus that goes round in a part',
      ['focus-trap'],
      `<div id="t"><input aria-label="A"><input aria-label="B"></div>${links}<script>t.addEventListener('keydown',e=>{if(e.key==='Tab'){e.preventDefault();const i=[...t.children];i[(i.indexOf(document.activeElement)+1)%2].focus()}})</script>`,
    ],
    [
      'an editor that Escape leaves',
      [],
      `<textarea id="t" aria-label="Code"></textarea>${links}<script>let out=false;t.addEventListener('keydown',e=>{if(e.key==='Escape')out=true;else if(e.key==='Tab'&&!out)e.preventDefault()})</script>`,
    ],
    [
      'a modal dialog keeps the focus',
      [],
      `${links}<dialog id="d"><button>Yes</button><button>No</button></dialog><script>d.showModal()</script>`,
    ],
  ])('%s', async (_what, expected, body) => {
    await show(body);
    expect(classes(await walkWithTab(page))).toEqual(expected);
  });
});

test('images that do not load, and contrast that nobody can read', async () => {
  await show(
    '<img src="http://127.0.0.1:9/gone.png" alt="x" width="40" height="40"><img alt="y" width="9" height="9" src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">',
  );
  expect((await brokenImages(page)).map(({ selector }) => selector)).toEqual(['body > img:nth-of-type(1)']);
  await show('<main><h1>T</h1><p style="color:#ccc">Nobody reads this</p></main>');
  expect(classes(await accessibility(page))).toEqual(['accessibility']);
  await show('<main><h1>T</h1><p>Everybody reads this</p></main>');
  expect(await accessibility(page)).toEqual([]);
});
