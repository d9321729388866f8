/** Runs in the page: rules about what a pointer can reach and what lies over what. */
export function installReach(): void {
  const qa = window.millwrightQa;
  const width = () => document.documentElement.clientWidth;
  const height = () => innerHeight;
  const OVERLAY = /cookie|consent|banner|toast|modal|dialog|snack|chat/i;

  const CLOSES =
    /close|dismiss|accept|agree|allow|reject|decline|got it|no thanks|later|^ok(?:ay)?$|^[x×✕✖]$/i;

  /** A name alone makes no overlay: it stays where it is while one scrolls, or has a control that closes it. */
  const canLeave = (at: Element) =>
    /fixed|sticky/.test(getComputedStyle(at).position) ||
    [...at.querySelectorAll('button,[role=button],a[href]')].some((control) =>
      CLOSES.test(qa.nameOf(control)),
    );

  const isDismissible = (cover: Element) => {
    for (let at: Element | null = cover; at && at !== document.body; at = at.parentElement) {
      if (
        at.matches(
          'dialog,[role=dialog],[role=alertdialog],[aria-modal=true],[role=alert],[role=status],:popover-open',
        )
      )
        return true;
      const isNamed = OVERLAY.test(`${at.id} ${at.getAttribute('class') ?? ''}`);
      if (isNamed && (at.textContent ?? '').trim() !== '' && canLeave(at)) return true;
    }
    return false;
  };
  const labels = (element: Element): Element[] => [...((element as HTMLInputElement).labels ?? [])];

  /** Whether a box that CSS adds to an element lies over a point; it is hit in the element's name. */
  const addedOver = (element: Element, x: number, y: number): boolean =>
    ['::before', '::after'].some((name) => {
      const style = getComputedStyle(element, name);
      const isThere = !/^(none|normal)$/.test(style.content) && style.display !== 'none';
      if (!isThere || style.pointerEvents === 'none' || !/absolute|fixed/.test(style.position)) return false;
      let holder: Element | null = style.position === 'fixed' ? null : element;
      while (holder && getComputedStyle(holder).position === 'static') holder = holder.parentElement;
      const around = holder?.getBoundingClientRect();
      const left = (around ? around.left + (holder?.clientLeft ?? 0) : 0) + Number.parseFloat(style.left);
      const top = (around ? around.top + (holder?.clientTop ?? 0) : 0) + Number.parseFloat(style.top);
      const right = left + Number.parseFloat(style.width);
      const bottom = top + Number.parseFloat(style.height);
      return x >= left && x <= right && y >= top && y <= bottom;
    });

  /** What lies over all of the points tried, or undefined when one of them reaches the element. */
  const coverOf = (element: Element): Element | undefined => {
    let cover: Element | undefined;
    const boxes = [...element.getClientRects()].filter(({ width: w, height: h }) => w > 1 && h > 1);
    let tried = 0;
    for (const box of boxes.slice(0, 3)) {
      const part = qa.visiblePart(element, box).box;
      for (const [x, y] of [
        [0.5, 0.5],
        [0.2, 0.3],
        [0.8, 0.3],
        [0.2, 0.7],
        [0.8, 0.7],
      ] as const) {
        const left = part.left + (part.right - part.left) * x;
        const top = part.top + (part.bottom - part.top) * y;
        if (part.right <= part.left || part.bottom <= part.top) continue;
        if (left < 0 || top < 0 || left >= width() || top >= height()) continue;
        tried += 1;
        const hit = document.elementFromPoint(left, top);
        if (!hit || element.contains(hit) || labels(element).some((label) => label.contains(hit)))
          return undefined;
        if (hit.contains(element) && !hit.matches('html,body') && !addedOver(hit, left, top))
          return undefined;
        if (hit.shadowRoot || element.getRootNode() !== document) return undefined;
        const wraps = hit.closest('a,button,label,summary');
        if (wraps?.contains(element)) return undefined;
        cover ??= hit;
      }
    }
    return tried > 0 ? cover : undefined;
  };

  qa.unreachable = (root) => {
    const before = [scrollX, scrollY] as const;
    const faults = qa
      .all(root)
      .filter((element) => {
        if (!qa.isInteractive(element) || !qa.isVisible(element)) return false;
        if (getComputedStyle(element).pointerEvents === 'none') return false;
        return !element.matches('[role=option],[role=menuitem]') || root !== document.body;
      })
      .slice(0, 300)
      .flatMap((element) => {
        const held = qa.clippers(element).map(({ by }) => [by, by.scrollLeft, by.scrollTop] as const);
        const settle = () => {
          for (const [by, left, top] of held) by.scrollTo({ left, top, behavior: 'instant' });
        };
        let cover = coverOf(element);
        for (const block of ['center', 'start', 'end'] as const) {
          const { top, bottom } = element.getBoundingClientRect();
          const isSeen = top >= 0 && bottom <= height();
          if (cover === undefined && isSeen) return [];
          if (root !== document.body && isSeen) break;
          element.scrollIntoView({ block, inline: 'nearest', behavior: 'instant' });
          cover = coverOf(element);
          if (cover === undefined) {
            settle();
            return [];
          }
        }
        settle();
        const isOwn = cover?.contains(element) ?? false;
        if (!cover || (!isOwn && isDismissible(cover))) return [];
        const by = `${isOwn ? 'a box that the style adds to ' : ''}${qa.selectorOf(cover)}`;
        const what = `"${qa.nameOf(element)}" cannot be clicked: ${by} lies over it.`;
        return [qa.fault(element, { class: 'unreachable', severity: 'high', what })];
      })
      .slice(0, 5);
    window.scrollTo({ left: before[0], top: before[1], behavior: 'instant' });
    return faults;
  };

  const controlled = (element: Element) => {
    for (let at: Element | null = element; at && at !== document.body; at = at.parentElement)
      if (
        at.id &&
        document.querySelector(`[aria-controls~="${CSS.escape(at.id)}"],[for="${CSS.escape(at.id)}"]`)
      )
        return true;
    return false;
  };

  qa.offScreen = (root, opened) => {
    const page = document.scrollingElement ?? document.documentElement;
    const roots = [document.documentElement, document.body].map((element) => getComputedStyle(element));
    const scrollsX = roots.every(({ overflowX }) => !/hidden|clip/.test(overflowX));
    const scrollsY = roots.every(({ overflowY }) => !/hidden|clip/.test(overflowY));
    const outside = (element: Element): number => {
      const box = element.getBoundingClientRect();
      const isFixed = qa.isFixed(element) && !element.matches('html');
      const left = box.left + (isFixed ? 0 : scrollX);
      const top = box.top + (isFixed ? 0 : scrollY);
      const maxX = isFixed || !scrollsX ? width() : Math.max(width(), page.scrollWidth);
      const maxY = isFixed || !scrollsY ? height() : Number.POSITIVE_INFINITY;
      const x = Math.max(0, Math.min(left + box.width, maxX) - Math.max(left, 0)) / Math.max(1, box.width);
      const y = Math.max(0, Math.min(top + box.height, maxY) - Math.max(top, 0)) / Math.max(1, box.height);
      return 1 - x * y;
    };
    if (opened) {
      const DIALOG = 'dialog,[role=dialog],[role=alertdialog],[aria-modal=true]';
      const panels = [...root.querySelectorAll(DIALOG)].filter(
        (panel) => qa.isVisible(panel) && !qa.clippers(panel).some(({ x, y }) => x || y),
      );
      for (const panel of [root, ...panels]) {
        const part = outside(panel);
        // What scrolls moves its content; a box that is fixed does not come in by that.
        const comesIn = !qa.isFixed(panel) && /auto|scroll/.test(getComputedStyle(panel).overflow);
        if (part <= 0.08 || comesIn) continue;
        const what = `${Math.round(part * 100)} % of "${qa.nameOf(panel)}" lies outside the window when it is opened, where no scrolling reaches.`;
        return [qa.fault(panel, { class: 'off-screen', severity: 'high', what })];
      }
    }
    return qa
      .all(root)
      .filter(
        (element) =>
          qa.isInteractive(element) && qa.isVisible(element) && !element.matches('input[type=file]'),
      )
      .flatMap((element) => {
        const part = outside(element);
        if (
          part < 0.3 ||
          qa.clippers(element).some(({ x }) => x) ||
          labels(element).some((label) => qa.isVisible(label))
        )
          return [];
        // A closed drawer that a button opens, and a skip link that comes in when it has the focus.
        if (controlled(element) && part > 0.95) return [];
        if (part > 0.95) {
          const active = document.activeElement;
          (element as HTMLElement).focus({ preventScroll: true });
          const comes = document.activeElement === element && outside(element) < 0.3;
          const isTaken = document.activeElement === element;
          if (active instanceof HTMLElement && active !== document.body)
            active.focus({ preventScroll: true });
          else (element as HTMLElement).blur();
          if (comes || !isTaken) return [];
        }
        const what = `${Math.round(part * 100)} % of "${qa.nameOf(element)}" lies outside the page, where no scrolling reaches.`;
        return [qa.fault(element, { class: 'off-screen', severity: 'high', what })];
      })
      .slice(0, 5);
  };

  type Piece = {
    element: Element;
    box: { left: number; top: number; right: number; bottom: number };
    text: boolean;
  };

  const isOpaque = (style: CSSStyleDeclaration) =>
    style.backgroundImage !== 'none' ||
    !/^(transparent|rgba\(.*, (0|0?\.\d+)\))$/.test(style.backgroundColor);

  /** Whether both are painted where they meet, neither hidden by a background between them. */
  const bothShow = (a: Element, b: Element, x: number, y: number): boolean => {
    if (x < 0 || y < 0 || x >= width() || y >= height()) return false;
    const stack = document.elementsFromPoint(x, y);
    const at = (element: Element) => stack.findIndex((one) => one === element || element.contains(one));
    const [first, last] = [Math.min(at(a), at(b)), Math.max(at(a), at(b))];
    if (first < 0) return false;
    const bottom = at(a) > at(b) ? a : b;
    return stack.slice(0, last).every((one) => one.contains(bottom) || !isOpaque(getComputedStyle(one)));
  };

  qa.overlap = (root) => {
    const before = [scrollX, scrollY] as const;
    const pieces: Piece[] = [];
    for (const element of qa.all(root)) {
      if (pieces.length > 600) break;
      if (element.closest('svg,[aria-hidden=true],select') || !qa.isVisible(element) || qa.isFixed(element))
        continue;
      if (
        qa.isInteractive(element) &&
        qa.nameOf(element) !== '' &&
        getComputedStyle(element).opacity !== '0'
      ) {
        const { left, top, right, bottom } = element.getBoundingClientRect();
        if (getComputedStyle(element).display !== 'inline')
          pieces.push({
            element,
            box: qa.visiblePart(element, { left, top, right, bottom }).box,
            text: false,
          });
      }
      for (const line of qa.textLines(element).slice(0, 20))
        pieces.push({ element, box: qa.visiblePart(element, line).box, text: true });
    }
    const faults = new Map<string, ReturnType<typeof qa.fault>>();
    const isBadge = ({ box }: Piece) => box.right - box.left <= 28 && box.bottom - box.top <= 28;
    const sorted = pieces
      .filter(({ box }) => box.right - box.left > 2 && box.bottom - box.top > 2)
      .sort((a, b) => a.box.top - b.box.top);
    for (const [i, a] of sorted.entries()) {
      for (let j = i + 1; j < sorted.length; j += 1) {
        const b = sorted[j];
        if (!b || b.box.top >= a.box.bottom) break;
        if (a.text !== b.text || a.element.contains(b.element) || b.element.contains(a.element)) continue;
        const left = Math.max(a.box.left, b.box.left);
        const right = Math.min(a.box.right, b.box.right);
        const top = Math.max(a.box.top, b.box.top);
        const bottom = Math.min(a.box.bottom, b.box.bottom);
        if (right - left < 5 || bottom - top < 5 || isBadge(a) || isBadge(b)) continue;
        const smaller = Math.min(
          (a.box.right - a.box.left) * (a.box.bottom - a.box.top),
          (b.box.right - b.box.left) * (b.box.bottom - b.box.top),
        );
        const low = Math.min(a.box.bottom - a.box.top, b.box.bottom - b.box.top);
        if (((right - left) * (bottom - top)) / smaller < 0.12 || bottom - top < low * 0.4) continue;
        const fields = [a, b].filter(({ element }) => element.matches('input,textarea,select')).length;
        if (fields === 1 && !a.text) continue;
        if (a.element.closest('label') !== null && labels(b.element).length > 0 && fields > 0) continue;
        if (faults.size >= 5) break;
        window.scrollTo({ left: 0, top: top + before[1] - height() / 2, behavior: 'instant' });
        const dy = before[1] - scrollY;
        const dx = before[0] - scrollX;
        const show = bothShow(a.element, b.element, (left + right) / 2 + dx, (top + bottom) / 2 + dy);
        window.scrollTo({ left: before[0], top: before[1], behavior: 'instant' });
        if (a.text && !show) continue;
        if (!a.text && qa.visiblePart(a.element, a.box).by) continue;
        const what = `"${qa.nameOf(a.element)}" and "${qa.nameOf(b.element)}" lie over each other (${qa.selectorOf(a.element)}).`;
        const fault = qa.fault(b.element, { class: 'overlap', severity: 'medium', what });
        if (!faults.has(fault.selector)) faults.set(fault.selector, fault);
      }
    }
    return [...faults.values()];
  };

  qa.brokenImages = async () => {
    const images = [...document.images].filter(
      (image) =>
        image.getAttribute('src') !== '' &&
        (image.currentSrc || image.getAttribute('src')) &&
        qa.isVisible(image.parentElement ?? image),
    );
    const faults = [];
    for (const image of images.slice(0, 200)) {
      image.loading = 'eager';
      const limit = qa.pause(1_500).then(() => 'late' as const);
      const state = await Promise.race([
        limit,
        image.decode().then(
          () => 'good' as const,
          () => 'broken' as const,
        ),
      ]);
      if (state !== 'broken' || image.naturalWidth > 0) continue;
      const src = (image.currentSrc || image.src).slice(0, 200);
      faults.push({
        ...qa.fault(image, {
          class: 'broken-image',
          severity: 'high',
          what: `The image ${src} does not load.`,
        }),
      });
    }
    return faults;
  };
}
