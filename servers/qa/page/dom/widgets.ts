import type { Opener } from './types.ts';

/** Runs in the page: finds what opens something, and what was opened. */
export function installWidgets(): void {
  const qa = window.millwrightQa;
  const DECLARED =
    '[aria-haspopup]:not([aria-haspopup=false]),[role=combobox],[aria-expanded=false],[popovertarget],[commandfor],' +
    'summary,[data-toggle],[data-bs-toggle],[list]';
  const DATE = /date|calendar|picker|kalender|datum/i;
  /** Buttons that end a session, spend, or destroy are left to a person. */
  const LEAVE =
    /delete|remove|log ?out|sign ?out|pay|buy|order now|submit|send|löschen|kaufen|abmelden|unsubscribe/i;
  const found: Element[] = [];
  let visible = new Set<Element>();

  const actionOf = (element: Element): Opener['action'] | undefined => {
    if (!qa.isVisible(element) || element.matches(':disabled,[aria-disabled=true]')) return undefined;
    if (element.matches(DECLARED)) return LEAVE.test(qa.nameOf(element)) ? undefined : 'click';
    const words = `${element.id} ${element.getAttribute('name') ?? ''} ${element.getAttribute('class') ?? ''} ${
      element.getAttribute('placeholder') ?? ''
    }`;
    if (
      element.matches(
        'input:not([type=hidden],[type=checkbox],[type=radio],[type=submit],[type=button],[type=file],[type=date])',
      )
    )
      return DATE.test(words) || element.matches('[readonly],[autocomplete=off],[type=search]')
        ? 'click'
        : undefined;
    if (
      element.matches('button') &&
      (element as HTMLButtonElement).form &&
      element.getAttribute('type') !== 'button'
    )
      return undefined;
    const isButton =
      element.matches('button,[role=button]') ||
      (qa.isClickable(element) && !element.matches('a[href],label,input'));
    if (isButton) return LEAVE.test(qa.nameOf(element)) ? undefined : 'click';
    const hidden = [...element.children].some(
      (child) =>
        child.matches('ul,ol,div,nav,[role=menu],[role=tooltip]') &&
        !qa.isVisible(child) &&
        (child.textContent ?? '').trim() !== '',
    );
    return hidden && element.matches('li,nav *,[class*=dropdown],[class*=menu],[class*=tooltip]')
      ? 'hover'
      : undefined;
  };

  qa.openers = () => {
    found.length = 0;
    const openers: (Opener & { rank: number })[] = [];
    for (const element of qa.all(document.body)) {
      const action = actionOf(element);
      if (!action) continue;
      found.push(element);
      const rank = element.matches(DECLARED) ? 0 : 1;
      openers.push({
        index: found.length - 1,
        selector: qa.selectorOf(element),
        name: qa.nameOf(element),
        action,
        rank,
      });
    }
    return openers.sort((a, b) => a.rank - b.rank).map(({ rank: _, ...opener }) => opener);
  };

  qa.openerAt = (index) => found[index];

  qa.remember = () => {
    visible = new Set(qa.all(document.body).filter((element) => qa.isVisible(element)));
  };

  /** Only what holds something: a box around nothing, or a tooltip's arrow, is no popup. */
  qa.appeared = () => {
    const fresh = qa.all(document.body).filter((element) => !visible.has(element) && qa.isVisible(element));
    const isFresh = new Set(fresh);
    const roots = fresh.filter((element) => !element.parentElement || !isFresh.has(element.parentElement));
    return roots.filter((root) => {
      const { width, height } = root.getBoundingClientRect();
      const holds =
        (root.textContent ?? '').trim() !== '' || root.querySelector('img,input,button,a') !== null;
      return width >= 24 && height >= 16 && holds;
    });
  };
}
