/** Runs in the page: what the keyboard can reach, as against what a pointer can. */
export function installKeyboard(): void {
  const qa = window.millwrightQa;
  const WIDGETS =
    '[role=button],[role=link],[role=checkbox],[role=switch],[role=combobox],[role=slider],[role=textbox],[role=tab],[role=menuitem],[role=radio],[role=option]';
  const COMPOSITES =
    '[role=menu],[role=menubar],[role=listbox],[role=tablist],[role=radiogroup],[role=tree],[role=grid],[role=toolbar],table,[role=group]';
  const FOCUSABLE =
    'a[href],button:not(:disabled),input:not(:disabled):not([type=hidden]),select:not(:disabled),textarea:not(:disabled),summary,[tabindex],[contenteditable=true],iframe,audio[controls],video[controls]';
  const keys = new WeakMap<Element, number>();
  let last = 0;
  const keyOf = (element: Element) => {
    const key = keys.get(element) ?? ++last;
    keys.set(element, key);
    return key;
  };
  const isTabbable = (element: Element) =>
    element.matches(FOCUSABLE) && (element as HTMLElement).tabIndex >= 0 && qa.isVisible(element);

  qa.isClickable = (element) => {
    if (element.matches('html,body,#root,#app,main')) return false;
    if (qa.clickable.has(element) || element.hasAttribute('onclick') || (element as HTMLElement).onclick)
      return true;
    const props = Object.keys(element).find((key) => key.startsWith('__reactProps$'));
    return props !== undefined && 'onClick' in ((element as unknown as Record<string, object>)[props] ?? {});
  };

  qa.tabbable = () =>
    qa
      .all(document.body)
      .filter((element) => isTabbable(element) && !element.matches('iframe,audio,video'))
      .filter((element) => !(element instanceof HTMLInputElement && element.type === 'radio'))
      .map((element) => ({ key: keyOf(element), selector: qa.selectorOf(element) }));

  qa.focusStop = () => {
    const active = document.activeElement;
    if (!active || active === document.body || active === document.documentElement) return undefined;
    const modal = active.closest('dialog:modal,[aria-modal=true]') !== null;
    return { key: keyOf(active), selector: qa.selectorOf(active), modal };
  };

  qa.keyboardUnreachable = () =>
    qa
      .all(document.body)
      .filter((element) => {
        if (
          !qa.isVisible(element) ||
          element.closest('svg,label,option,[aria-hidden=true],:disabled,[aria-disabled=true]')
        )
          return false;
        if (isTabbable(element) || element.matches('iframe,audio,video,input[type=radio]')) return false;
        if (qa.all(element).some((inner) => inner !== element && isTabbable(inner))) return false;
        for (let at = element.parentElement; at && at !== document.body; at = at.parentElement)
          if (isTabbable(at)) return false;
        const composite = element.closest(COMPOSITES);
        if (
          composite &&
          (qa.all(composite).some(isTabbable) || composite.getAttribute('aria-activedescendant'))
        )
          return false;
        if (composite?.matches('[role=listbox],[role=menu]')) return false;
        const isNative = element.matches('a[href],button,input:not([type=hidden]),select,textarea');
        if (isNative) return isAlone(element);
        if (element.matches(WIDGETS)) return true;
        return (
          qa.isClickable(element) &&
          getComputedStyle(element).cursor === 'pointer' &&
          qa.nameOf(element) !== ''
        );
      })
      .slice(0, 5)
      .map((element) =>
        qa.fault(element, {
          class: 'keyboard-unreachable',
          severity: 'high',
          what: `"${qa.nameOf(element)}" answers to a pointer, and the Tab key never comes to it.`,
        }),
      );

  /** A native control taken out of the order, with nothing in the order that says the same or stands for it. */
  function isAlone(element: Element): boolean {
    const name = qa.nameOf(element);
    if (name === '') return false;
    const href = element.getAttribute('href');
    if (
      element.parentElement?.querySelector('input:not([type=hidden]),textarea,select') &&
      element.matches('button')
    )
      return false;
    return !qa
      .all(document.body)
      .some(
        (other) =>
          other !== element &&
          isTabbable(other) &&
          (qa.nameOf(other) === name || (href !== null && other.getAttribute('href') === href)),
      );
  }
}
