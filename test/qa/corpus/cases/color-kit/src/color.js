/** "#aabbcc" → [170, 187, 204]. Throws RangeError on anything else. */
export function rgb(hex) {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
  if (!match) throw new RangeError(`not a colour: ${hex}`);
  return match.slice(1).map((part) => Number.parseInt(part, 16));
}

/** Relative luminance by WCAG 2. */
export function luminance(hex) {
  const [r, g, b] = rgb(hex).map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
