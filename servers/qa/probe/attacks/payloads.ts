/**
 * Texts that try to leave the place they are put in, shortest first. Each calls a function named by the tag, so
 * that whoever parses the page can tell whether it would have run.
 */
export const MARKUP_PAYLOADS: readonly ((tag: string) => string)[] = [
  // Out of text, and out of an attribute in either quote.
  (tag) => `'"><img src=x onerror=${tag}()>`,
  // Out of an attribute where only angle brackets are escaped.
  (tag) => `" onfocus=${tag}() autofocus x="`,
  (tag) => `' onfocus=${tag}() autofocus x='`,
  // As the address of a link.
  (tag) => `javascript:${tag}()`,
  // Out of a string of a script.
  (tag) => `'-${tag}()-'`,
  (tag) => `"-${tag}()-"`,
  // Out of a template, with its expression.
  (tag) => `\${${tag}()}`,
  // Out of elements whose content is plain text.
  (tag) => `</title></textarea></style></script><img src=x onerror=${tag}()>`,
];
