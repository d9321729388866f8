import type { Box, PageQa } from './types.ts';

/** Runs in the page before its own scripts: what every rule needs to see the page as a person does. */
export function installBasics(): void {
  if (window.millwrightQa) return;
  const qa = {
    clickable: new WeakSet(),
    shift: 0,
    shifted: [] as string[],
    opened: [] as Element[],
  } as unknown as PageQa;
  Object.defineProperty(window, 'millwrightQa', { value: qa });

  const listen = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (
    this: EventTarget | undefined,
    ...args: Parameters<typeof listen>
  ) {
    const target = this ?? window;
    if (/^(click|mousedown|pointerdown|pointerup)$/.test(args[0])) qa.clickable.add(target);
    return listen.apply(target, args);
  };
  try {
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & {
        value: number;
        hadRecentInput: boolean;
        sources?: { node?: Node | null }[];
      })[]) {
        if (entry.hadRecentInput) continue;
        qa.shift += entry.value;
        for (const { node } of entry.sources ?? [])
          if (node instanceof Element && qa.shifted.length < 5) qa.shifted.push(qa.selectorOf(node));
      }
    }).observe({ type: 'layout-shift', buffered: true });
  } catch {
    // A browser that does not measure it.
  }

  qa.all = (root) => [root, ...root.querySelectorAll('*')].slice(0, 4_000);

  qa.isVisuallyHidden = (element) => {
    for (let at: Element | null = element; at && at !== document.body; at = at.parentElement) {
      const style = getComputedStyle(at);
      const { width, height } = at.getBoundingClientRect();
      const isTiny = width <= 2 && height <= 2 && style.overflow !== 'visible';
      const isClipped = /rect\((0|1)p?x?,? (0|1)p?x?,? (0|1)p?x?,? (0|1)p?x?\)/.test(style.clip);
      if (isTiny || isClipped || /inset\((50|100)%/.test(style.clipPath)) return true;
      if (Number.parseFloat(style.textIndent) < -500) return true;
    }
    return false;
  };

  qa.isVisible = (element) => {
    if (!element.isConnected || element.closest('[inert],[hidden]')) return false;
    if (
      !element.checkVisibility({
        opacityProperty: true,
        visibilityProperty: true,
        contentVisibilityAuto: true,
      })
    )
      return false;
    const { width, height } = element.getBoundingClientRect();
    return width > 0 && height > 0 && !qa.isVisuallyHidden(element);
  };

  const INTERACTIVE =
    'a[href],button,input:not([type=hidden]),select,textarea,summary,[role=button],[role=link],[role=checkbox],' +
    '[role=radio],[role=tab],[role=menuitem],[role=option],[role=switch],[role=combobox],[role=textbox],' +
    '[role=slider],[tabindex]:not([tabindex="-1"]),[contenteditable=true],[onclick]';
  qa.isInteractive = (element) =>
    element.matches(INTERACTIVE) &&
    !element.matches(':disabled,[aria-disabled=true]') &&
    !element.closest('svg');

  const makesBlock = (style: CSSStyleDeclaration) =>
    style.transform !== 'none' ||
    style.perspective !== 'none' ||
    style.filter !== 'none' ||
    style.backdropFilter !== 'none' ||
    /paint|layout|strict|content/.test(style.contain) ||
    /transform|perspective|filter/.test(style.willChange) ||
    (style.containerType !== '' && style.containerType !== 'normal');

  const inTopLayer = (element: Element) => element.matches('dialog:modal,:popover-open,:fullscreen');

  qa.clippers = (element) => {
    const found: ReturnType<PageQa['clippers']> = [];
    let position = getComputedStyle(element).position;
    let skip = position === 'absolute' || position === 'fixed';
    if (inTopLayer(element)) return found;
    for (let at = element.parentElement; at && at !== document.documentElement; at = at.parentElement) {
      const style = getComputedStyle(at);
      const holds = !skip || makesBlock(style) || (position === 'absolute' && style.position !== 'static');
      if (holds) {
        skip = false;
        const cuts = (value: string) => value !== 'visible';
        const paints = /paint|strict|content/.test(style.contain);
        const x = cuts(style.overflowX) || paints;
        const y = cuts(style.overflowY) || paints;
        const isRoot =
          at === document.body && getComputedStyle(document.documentElement).overflow === 'visible';
        const scrolls = /auto|scroll/.test(`${style.overflowX} ${style.overflowY}`);
        if ((x || y) && !isRoot && style.display !== 'inline' && style.display !== 'contents')
          found.push({ by: at, scrolls, x, y });
        if (inTopLayer(at)) return found;
        position = style.position;
        skip = position === 'absolute' || position === 'fixed';
      }
    }
    return found;
  };

  qa.visiblePart = (element, box) => {
    // A DOMRect's numbers are no own properties: it cannot be spread.
    const { left, top, right, bottom } = box;
    const part: Box = { left, top, right, bottom };
    let scrolls = false;
    let by: Element | undefined;
    for (const { by: clipper, scrolls: canScroll, x, y } of qa.clippers(element)) {
      const outer = clipper.getBoundingClientRect();
      const inner = { left: outer.left + clipper.clientLeft, top: outer.top + clipper.clientTop };
      const before = { ...part };
      if (x) {
        part.left = Math.max(part.left, inner.left);
        part.right = Math.min(part.right, inner.left + clipper.clientWidth);
      }
      if (y) {
        part.top = Math.max(part.top, inner.top);
        part.bottom = Math.min(part.bottom, inner.top + clipper.clientHeight);
      }
      const cut =
        part.left > before.left + 1 ||
        part.top > before.top + 1 ||
        part.right < before.right - 1 ||
        part.bottom < before.bottom - 1;
      if (!cut) continue;
      if (canScroll) {
        scrolls = true;
        // What lies outside of a scroller is brought in by it, and then cut by its ancestors no more.
        return { box: part, scrolls, by };
      }
      by ??= clipper;
    }
    return { box: part, scrolls, by };
  };

  qa.nameOf = (element) => {
    const label =
      element.getAttribute('aria-label') ??
      element.getAttribute('title') ??
      element.getAttribute('placeholder');
    const text = (label ?? element.textContent ?? '').replace(/\s+/g, ' ').trim();
    return text.slice(0, 40);
  };

  qa.selectorOf = (element) => {
    const parts: string[] = [];
    for (let at: Element | null = element; at && at !== document.documentElement; at = at.parentElement) {
      const tag = at.tagName.toLowerCase();
      if (at.id && document.querySelectorAll(`#${CSS.escape(at.id)}`).length === 1) {
        parts.unshift(`${tag}#${CSS.escape(at.id)}`);
        break;
      }
      const same = [...(at.parentElement?.children ?? [])].filter(({ tagName }) => tagName === at?.tagName);
      const place = same.length > 1 ? `:nth-of-type(${same.indexOf(at) + 1})` : '';
      const [name] = [...at.classList].filter((word) => /^[a-z][\w-]{1,30}$/i.test(word));
      parts.unshift(`${tag}${name ? `.${name}` : ''}${place}`);
      if (parts.length >= 5) break;
    }
    return parts.join(' > ');
  };

  qa.fault = (element, of, box = element.getBoundingClientRect()) => ({
    ...of,
    selector: qa.selectorOf(element),
    box: {
      left: box.left + scrollX,
      top: box.top + scrollY,
      right: box.right + scrollX,
      bottom: box.bottom + scrollY,
    },
  });

  qa.textLines = (element) => {
    const lines: Box[] = [];
    for (const node of element.childNodes) {
      if (node.nodeType !== Node.TEXT_NODE || !node.textContent?.trim()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const { left, top, right, bottom } of range.getClientRects())
        if (right - left > 1 && bottom - top > 1) lines.push({ left, top, right, bottom });
    }
    return lines;
  };

  qa.isFixed = (element) => {
    for (let at: Element | null = element; at; at = at.parentElement)
      if (/fixed|sticky/.test(getComputedStyle(at).position)) return true;
    return false;
  };
}
