const gcd = (a, b) => (b === 0 ? a : gcd(b, a % b));

/** A fraction in lowest terms, the sign in the numerator. */
export function fraction(top, bottom) {
  const by = gcd(top, bottom);
  return { top: top / by, bottom: bottom / by };
}

export const add = (a, b) => fraction(a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom);
