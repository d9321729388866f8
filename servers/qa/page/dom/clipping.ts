/** Runs in the page: rules about what an ancestor or the edge of the page cuts off. */
export function installClipping(): void {
  const qa = window.millwrightQa;
  const CUT = 0.85;
  const NEARLY_NOTHING = 0.05;
  const area = (box: { left: number; top: number; right: number; bottom: number }) =>
    Math.max(0, box.right - box.left) * Math.max(0, box.bottom - box.top);
  const within = (element: Element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return { left, top, right, bottom };
  };
  const isMoving = (element: Element, end: Element) => {
    for (let at: Element | null = element; at && at !== end; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.transform !== 'none' || style.translate !== 'none' || style.scrollSnapAlign !== 'none')
        return true;
      if (style.animationName !== 'none') return true;
    }
    return false;
  };
  const words = (by: Element | undefined) => (by ? qa.selectorOf(by) : 'an ancestor');

  /** `opened`: the roots have just been opened, so that nothing of them is meant to be hidden. */
  qa.clipped = (root, opened) => {
    if (opened) {
      const box = within(root);
      const { box: part, scrolls, by } = qa.visiblePart(root, box);
      const shown = area(part) / Math.max(1, area(box));
      if (shown < 0.92) {
        const what = `Only ${Math.round(shown * 100)} % of "${qa.nameOf(root)}" shows when it is opened: ${words(by)} ${
          scrolls ? 'shows the rest only when it is scrolled' : 'cuts the rest off'
        }.`;
        return [qa.fault(root, { class: 'clipped', severity: scrolls ? 'low' : 'high', what })];
      }
    }
    return qa
      .all(root)
      .filter((element) => qa.isInteractive(element) && qa.isVisible(element))
      .flatMap((element) => {
        const box = within(element);
        const { box: part, scrolls, by } = qa.visiblePart(element, box);
        const shown = area(part) / Math.max(1, area(box));
        const isMeant = scrolls || !by || shown >= CUT || isMoving(element, by);
        if (isMeant || (shown < NEARLY_NOTHING && !opened)) return [];
        const what = `${Math.round((1 - shown) * 100)} % of "${qa.nameOf(element)}" is cut off by ${words(by)}.`;
        return [qa.fault(element, { class: 'clipped', severity: 'high', what })];
      })
      .slice(0, 5);
  };

  const isEllipsis = (element: Element) => {
    for (let at: Element | null = element, i = 0; at && i < 4; at = at.parentElement, i += 1) {
      const style = getComputedStyle(at);
      const clamp = style.getPropertyValue('-webkit-line-clamp');
      if (style.textOverflow === 'ellipsis' || (clamp !== '' && clamp !== 'none')) return true;
      if (at.getAttribute('title')) return true;
    }
    return false;
  };
  const MORE = /more|show|expand|read|all|mehr|plus/i;
  const hasMore = (by: Element) =>
    [...(by.parentElement ?? by).querySelectorAll('button,a,summary,[role=button],label')].some((control) =>
      MORE.test(control.textContent ?? ''),
    );

  /** Text of which a part, and not all, is cut: a collapsed panel hides all of it. */
  qa.cutText = (root) =>
    qa
      .all(root)
      .filter((element) => !element.closest('svg,select,textarea,input,[aria-hidden=true],marquee'))
      .flatMap((element) => {
        const lines = qa.textLines(element);
        if (lines.length === 0 || !qa.isVisible(element) || isEllipsis(element)) return [];
        const cut = { across: 0, down: 0, gone: 0 };
        let by: Element | undefined;
        const own = getComputedStyle(element);
        for (const line of lines) {
          const seen = { ...line };
          const inner = element.getBoundingClientRect();
          if (/hidden|clip/.test(own.overflowX)) {
            seen.left = Math.max(seen.left, inner.left);
            seen.right = Math.min(seen.right, inner.right);
          }
          if (/hidden|clip/.test(own.overflowY)) {
            seen.top = Math.max(seen.top, inner.top);
            seen.bottom = Math.min(seen.bottom, inner.bottom);
          }
          const part = qa.visiblePart(element, seen);
          if (part.scrolls || (part.by && isMoving(element, part.by))) return [];
          const { left, top, right, bottom } = part.box;
          const height = line.bottom - line.top;
          by ??=
            part.by ?? (seen.right < line.right - 1 || seen.bottom < line.bottom - 1 ? element : undefined);
          if (bottom <= top || right <= left) cut.gone += 1;
          else {
            if (line.right - right > 4 || left - line.left > 4) cut.across += 1;
            if (Math.max(line.bottom - bottom, top - line.top) > height * 0.4) cut.down += 1;
          }
        }
        if (cut.gone === lines.length || !by) return [];
        const isDown = cut.down > 0 || cut.gone > 0;
        if (cut.across === 0 && (!isDown || hasMore(by))) return [];
        const what = `The text "${qa.nameOf(element)}" is cut off by ${
          by === element ? 'its own box' : words(by)
        }, without an ellipsis, a title or a way to read the rest.`;
        return [qa.fault(element, { class: 'cut-text', severity: 'medium', what })];
      })
      .slice(0, 5);

  qa.horizontalScroll = () => {
    const page = document.scrollingElement ?? document.documentElement;
    if (page.scrollWidth <= page.clientWidth + 2) return [];
    const before = [scrollX, scrollY] as const;
    window.scrollTo({ left: 9_999, top: before[1], behavior: 'instant' });
    const moved = scrollX;
    window.scrollTo({ left: before[0], top: before[1], behavior: 'instant' });
    if (moved < 3) return [];
    const [widest] = qa
      .all(document.body)
      .filter((element) => qa.isVisible(element) && qa.clippers(element).every(({ x }) => !x))
      .map((element) => ({ element, right: element.getBoundingClientRect().right + scrollX }))
      .filter(({ right }) => right > page.clientWidth + 2)
      .sort((a, b) => b.right - a.right);
    const what = `The page is ${page.scrollWidth} px wide in a window of ${page.clientWidth} px, so it scrolls sideways${
      widest ? `: ${qa.selectorOf(widest.element)} reaches out` : ''
    }.`;
    return [qa.fault(widest?.element ?? page, { class: 'horizontal-scroll', severity: 'medium', what })];
  };
}
