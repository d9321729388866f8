/** A rectangle in CSS pixels, relative to the viewport. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** What a rule found in the page as it stood. `box` is in the document's coordinates. */
export interface Fault {
  class: string;
  severity: 'critical' | 'high' | 'medium' | 'low';
  selector: string;
  what: string;
  box: Box;
}

/** Something that may open something else, and how a person would open it. */
export interface Opener {
  index: number;
  selector: string;
  name: string;
  action: 'click' | 'hover' | 'focus';
}

/** Where the keyboard is: `key` is the same for the same element. */
export interface FocusStop {
  key: number;
  selector: string;
  modal: boolean;
}

/**
 * What our scripts share inside a page; each file of this folder adds its part. The functions are sent to the
 * browser as text, so each holds all it needs.
 */
export interface PageQa {
  isVisible(element: Element): boolean;
  isVisuallyHidden(element: Element): boolean;
  isInteractive(element: Element): boolean;
  /** Ancestors whose overflow or paint containment cuts the element, nearest first. */
  clippers(element: Element): { by: Element; scrolls: boolean; x: boolean; y: boolean }[];
  /** The part of a box that is left after every ancestor cut it; `scrolls` when scrolling would show more. */
  visiblePart(element: Element, box: Box): { box: Box; scrolls: boolean; by: Element | undefined };
  nameOf(element: Element): string;
  selectorOf(element: Element): string;
  fault(element: Element, of: Pick<Fault, 'class' | 'severity' | 'what'>, box?: Box): Fault;
  textLines(element: Element): Box[];
  isFixed(element: Element): boolean;
  all(root: Element): Element[];

  clipped(root: Element, opened: boolean): Fault[];
  cutText(root: Element): Fault[];
  unreachable(root: Element): Fault[];
  offScreen(root: Element, opened: boolean): Fault[];
  overlap(root: Element): Fault[];
  horizontalScroll(): Fault[];
  brokenImages(): Promise<Fault[]>;

  openers(): Opener[];
  openerAt(index: number): Element | undefined;
  /** Remembers what is visible now. */
  remember(): void;
  /** The topmost elements that are visible and were not when it was remembered. */
  appeared(): Element[];
  opened: Element[];

  keyboardUnreachable(): Fault[];
  tabbable(): { key: number; selector: string }[];
  focusStop(): FocusStop | undefined;
  isClickable(element: Element): boolean;
  clickable: WeakSet<EventTarget>;
  /** True as soon as no timer and no frame of the page is due within so many milliseconds; false when they are over. */
  comesToRest(most: number): Promise<boolean>;
  /** Waits for animations that end, at most so many milliseconds. */
  animationsEnd(most: number): Promise<void>;
  /** Waits, without being taken for a timer of the page. */
  pause(ms: number): Promise<void>;
  shift: number;
  shifted: string[];
}

declare global {
  interface Window {
    millwrightQa: PageQa;
  }
}
